"""What the code says of an option, read without running it: a folder of options may come from somebody else."""

import ast
import importlib.util
import inspect
import re
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

_SOURCE = "Source:"  # begins the paragraph that names the paper
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


@dataclass(frozen=True)
class Docstring:
    """A docstring in its parts; what it lacks is empty.

    **Attributes:** `summary`: its first sentence; `details`: paragraphs with what follows; `source`: the paper.
    """

    summary: str = ""
    details: tuple[str, ...] = ()
    source: str = ""

    @classmethod
    def of(cls, text: str) -> "Docstring":
        """Return a docstring taken apart. That of a function says what it returns: as an option it is just that."""
        first, *others = [paragraph.strip() for paragraph in inspect.cleandoc(text).split("\n\n")]
        summary, *rest = _END_OF_SENTENCE.split(" ".join(first.removeprefix("Return ").split()), maxsplit=1)
        paragraphs = [*rest, *others]
        return cls(
            summary[:1].upper() + summary[1:],
            tuple(one for one in paragraphs if not one.startswith(_SOURCE)),
            next((" ".join(o.removeprefix(_SOURCE).split()) for o in paragraphs if o.startswith(_SOURCE)), ""),
        )


@cache
def docstring(target: str) -> Docstring:
    """Return the docstring of the class or function with this dotted name; an empty one if it is not found."""
    module, _, name = target.rpartition(".")
    return Docstring.of(_definition(module, name, ()))


def _definition(module: str, name: str, seen: tuple[str, ...]) -> str:
    """Return the docstring of what `module` defines or imports as `name`; `seen`: modules that led here."""
    path = _source_file(module)
    if path is None or module in seen:
        return ""
    for node in _statements(path):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node) or ""
        if isinstance(node, ast.ImportFrom):
            found = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), None)
            if found is not None:
                package = module if path.name == "__init__.py" else module.rpartition(".")[0]
                origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                return _definition(origin, found, (*seen, module))
    return ""


@cache
def _statements(path: Path) -> list[ast.stmt]:
    """Return the statements of a module; none if it cannot be read."""
    try:
        return ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []


def _source_file(module: str) -> Path | None:
    """Return the file of a module, without importing the packages above it as `importlib` would."""
    top, *below = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for depth in range(len(below)):
            if spec is None or spec.submodule_search_locations is None:
                return None
            spec = PathFinder.find_spec(".".join([top, *below[: depth + 1]]), spec.submodule_search_locations)
    except (ImportError, ValueError):  # no name of a module
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None

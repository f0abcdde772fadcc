"""Change the code in small ways and see whether the tests notice.

    scripts/mutation_test.py similarity --sample 50 --seed 0

A mutant is one change of one expression of `src/pairreg/PACKAGE`: another comparison, operator, number or truth value,
a condition that is turned round, or a `raise` that is left out. Each is tried in a process that is forked from one
which has imported the libraries, with the tests in `tests/PACKAGE`; a command that a test starts has the unchanged
code. A mutant survives if all of them pass: then a test is missing, or the change makes no difference. Survivors are
listed with their line.
"""

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
LIBRARIES = (
    "tensorflow",
    "keras",
    "SimpleITK",
    "scipy.ndimage",
    "skimage.metrics",
    "h5py",
    "matplotlib",
    "pytest",
    "pydantic",
)
SECONDS = 120  # after which the tests of a mutant count as failed: it may loop for ever
_COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not",
    ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.Pow: "*", ast.FloorDiv: "*", ast.Mod: "*"}


@dataclass(frozen=True)
class Mutant:
    """A module with one change: `new` in place of the text from `start` to `end`."""

    path: Path
    line: int
    start: int
    end: int
    new: str

    @property
    def source(self) -> str:
        """The whole text of the changed module."""
        text = self.path.read_text(encoding="utf-8")
        return text[: self.start] + self.new + text[self.end :]

    @property
    def module(self) -> str:
        """The dotted name of the module."""
        parts = self.path.relative_to(ROOT / "src").with_suffix("").parts
        return ".".join(parts).removesuffix(".__init__")

    def __str__(self) -> str:
        old = self.path.read_text(encoding="utf-8")[self.start : self.end]
        return f"{self.path.relative_to(ROOT)}:{self.line}: {' '.join(old.split())}  ->  {' '.join(self.new.split())}"


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield all mutants of a module."""
    text = path.read_text(encoding="utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(node: ast.AST) -> tuple[int, int]:
        lines = text.splitlines()
        ends = []
        for number, offset in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)):  # type: ignore[attr-defined]
            ends.append(starts[number - 1] + len(lines[number - 1].encode()[:offset].decode()))
        return ends[0], ends[1]

    for node in ast.walk(ast.parse(text)):
        for new in changes(node):
            yield Mutant(path, node.lineno, *place(node), new)  # type: ignore[attr-defined]


def changes(node: ast.AST) -> Iterator[str]:
    """Yield what could stand in place of a node."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
        yield f"({left}) {_COMPARISONS[type(node.ops[0])]} ({right})"
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not isinstance(node.left, ast.JoinedStr):
        yield f"({ast.unparse(node.left)}) {_OPERATORS[type(node.op)]} ({ast.unparse(node.right)})"
    elif isinstance(node, ast.BoolOp):
        word = " or " if isinstance(node.op, ast.And) else " and "
        yield word.join(f"({ast.unparse(value)})" for value in node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield str(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield repr(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield repr(2 * node.value + (node.value == 0))
    elif isinstance(node, ast.IfExp):
        yield f"({ast.unparse(node.orelse)}) if ({ast.unparse(node.test)}) else ({ast.unparse(node.body)})"
    elif isinstance(node, ast.Raise):
        yield "pass"


class _Loader(importlib.abc.InspectLoader, importlib.abc.MetaPathFinder):
    """Imports one module from another source than its file."""

    def __init__(self, mutant: Mutant):
        self.mutant = mutant

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.mutant.module:
            return None
        return importlib.util.spec_from_file_location(name, self.mutant.path, loader=self)  # type: ignore[arg-type]

    def get_source(self, fullname: str) -> str:
        return self.mutant.source

    def is_package(self, fullname: str) -> bool:
        return self.mutant.path.name == "__init__.py"


def survives(mutant: Mutant | None, tests: Sequence[str]) -> bool:
    """Return whether the tests pass in a child process; None: without any change."""
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        signal.alarm(SECONDS)
        if mutant is not None:
            sys.meta_path.insert(0, _Loader(mutant))
        import pytest

        os._exit(int(pytest.main([*tests, "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"])))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def main() -> int:
    """Try a sample of the mutants of a package; exit code 1 if fewer than 85 % of them are noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", choices=["similarity", "regularizer", "metrics", "runs"])
    parser.add_argument("--sample", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="*", help="default: the folder of the package in tests")
    parser.add_argument("-k", default="", help="of pytest: which of these tests")
    options = parser.parse_args()
    os.chdir(ROOT)
    for library in LIBRARIES:  # once, for all children
        importlib.import_module(library)
    tests = [*(options.tests or [f"tests/{options.package}"]), "-k", options.k]
    every = [one for path in sorted((ROOT / "src/pairreg" / options.package).rglob("*.py")) for one in mutants(path)]
    chosen = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    if not survives(None, tests):
        raise SystemExit(f"{' '.join(tests)} fail without any change.")
    began, alive = time.monotonic(), []
    for mutant in chosen:
        if survives(mutant, tests):
            alive.append(mutant)
            print(f"survives: {mutant}", flush=True)
    killed = len(chosen) - len(alive)
    share = 100 * killed / len(chosen)
    seconds = time.monotonic() - began
    print(f"{options.package}: {killed} of {len(chosen)} noticed ({share:.0f} %), of {len(every)}; {seconds:.0f} s")
    return int(share < 85)


if __name__ == "__main__":
    sys.exit(main())

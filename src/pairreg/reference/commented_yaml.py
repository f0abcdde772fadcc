"""The values in a YAML file as they are written there, with the comments behind them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from pairreg.bounded_yaml import check_yaml
from pairreg.errors import InputError

_CHOICES = ("defaults",)  # Hydra's list of the options that a file chooses, of which each is a value
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Value:
    """One value: its `key` with those above it (`ncc.window`), its `text` in the file, and the `comment` behind it."""

    key: str
    text: str
    comment: str


@dataclass(frozen=True)
class CommentedYaml:
    """A YAML file: the lines of comments at its `head`, without `#`, and its `values`, of which a list is one."""

    head: tuple[str, ...]
    values: tuple[Value, ...]

    @classmethod
    def read(cls, path: Path) -> "CommentedYaml":
        """Return what a file holds; raises `InputError` if it cannot be read, is no YAML, or far too large."""
        try:
            check_yaml(path)
            text = path.read_text(encoding="utf-8-sig")
            lines = text.splitlines()
            values = tuple(_values(yaml.compose(text, Loader=_Loader), lines, ()))
        except (OSError, UnicodeError, yaml.YAMLError, RecursionError) as error:  # such as a list that is in itself
            raise InputError(f"{path} cannot be read ({' '.join(str(error).split())}).") from None
        head = itertools.takewhile(lambda line: line.startswith("#"), lines)
        return cls(tuple(line.removeprefix("#").removeprefix(" ") for line in head), values)

    def __getitem__(self, key: str) -> str:
        """Return the text of the value with this key; empty if there is none."""
        return next((value.text for value in self.values if value.key == key), "")


def _values(node: yaml.Node | None, lines: list[str], above: tuple[str, ...]) -> Iterator[Value]:
    is_open = (
        not above or above == _CHOICES or not getattr(node, "flow_style", False)
    )  # each entry in a line of its own
    if isinstance(node, yaml.MappingNode) and is_open and (node.value or not above):
        for key, value in node.value:
            yield from _values(value, lines, (*above, str(key.value)))
    elif isinstance(node, yaml.SequenceNode) and is_open:
        entries = [entry for value in node.value for entry in _values(value, lines, above)]
        if above == _CHOICES:
            yield from entries
        else:
            yield Value(".".join(above), f"[{', '.join(entry.text for entry in entries)}]", "")
    elif node is not None:
        yield Value(".".join(above), *_text_and_comment(node, lines))


def _text_and_comment(node: yaml.Node, lines: list[str]) -> tuple[str, str]:
    """Return a node as it is written, in one line, and the comment behind it."""
    start, end = node.start_mark, node.end_mark
    parts = lines[start.line : end.line + 1] or [""]
    behind = parts[-1][end.column :]
    parts[-1] = parts[-1][: end.column]
    parts[0] = parts[0][start.column :]
    return " ".join(" ".join(parts).split()), behind.partition("#")[2].strip()

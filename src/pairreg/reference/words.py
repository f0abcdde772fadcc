"""What a setting may be, in words, from the annotation of the constructor that checks it.

Lists and mappings look as they are written: `[number, ...]`, `{text: number}`.
"""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

_NOUNS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    types.NoneType: "null",
}
_BOUNDS = ("ge", "gt", "le", "lt")


@dataclass(frozen=True)
class Words:
    """The `type` of a setting, such as `whole number`, and its `range`, such as `3 to 999, odd`, or nothing."""

    type: str
    range: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.type, self.range) if part)


def words(hint: Any) -> Words:
    """Return an annotation in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        inner = words(arguments[0])
        return Words(inner.type, "; ".join(part for part in (inner.range, _range(arguments[1:])) if part))
    if origin is Literal:
        return Words(_either([str(value) for value in arguments]))
    if origin in (typing.Union, types.UnionType):
        given = [one for one in arguments if one is not str or Path not in arguments]  # a path is also given as text
        given.sort(key=lambda one: one is types.NoneType)
        parts = [words(one) for one in given]
        return Words(_either([part.type for part in parts]), _joined([part.range for part in parts], "; "))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, value = (words(one) for one in arguments or (Any, Any))
        return Words(f"{{{key.type}: {value.type}}}", value.range)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        one = words(arguments[0] if arguments else Any)
        return Words(f"[{one.type}, ...]", one.range)
    return Words("anything" if hint is Any else _NOUNS.get(hint, getattr(hint, "__name__", str(hint))))


def _either(names: Sequence[str]) -> str:
    """Return `a, b or c`, each once."""
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} or {last}" if others else last


def _joined(parts: Sequence[str], between: str) -> str:
    return between.join(dict.fromkeys(part for part in parts if part))


def _range(markers: Sequence[Any]) -> str:
    """Return the bounds that markers state, and what they describe beyond them (`Field(description="odd")`)."""
    within = [one for marker in markers for one in (marker, *getattr(marker, "metadata", ()))]
    found = {name: bound for one in within for name in _BOUNDS if (bound := getattr(one, name, None)) is not None}
    if {"ge", "le"} <= set(found):
        bounds = [f"{_number(found['ge'])} to {_number(found['le'])}"]
    else:
        terms = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
        bounds = [f"{term} {_number(found[name])}" for name, term in terms.items() if name in found]
    return _joined([*bounds, *(getattr(one, "description", None) or "" for one in markers)], ", ")


def _number(value: float) -> str:
    """Return a bound in as few digits as are exact: `1e9`, `2147483647`."""
    short = f"{value:g}"
    return (short if float(short) == value else f"{value:.10g}").replace("e+0", "e").replace("e+", "e")

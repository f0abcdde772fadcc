"""When two parts of an objective may share a compiled graph: when everything that is built into it is equal."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence, Set
from typing import Any

import numpy as np

# These enter a compiled graph as inputs, so runs that differ in them share it.
INPUTS = ("weight", "stiffness")


def cache_key(value: Any) -> Hashable:
    """`value` in a hashable form that is equal for equal settings.

    Dataclasses count by their type and fields, except those that are `INPUTS` or declared with `compare=False`; lists,
    mappings, sets and arrays by their content. Whatever else is not hashable counts as equal to itself alone.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field for field in dataclasses.fields(value) if field.compare and field.name not in INPUTS]
        return (type(value), *((field.name, cache_key(getattr(value, field.name))) for field in fields))
    if isinstance(value, Mapping):
        return ("mapping", frozenset((cache_key(key), cache_key(entry)) for key, entry in value.items()))
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return ("sequence", tuple(cache_key(entry) for entry in value))
    if isinstance(value, Set):
        return ("set", frozenset(cache_key(entry) for entry in value))
    try:
        hash(value)
    except TypeError:
        return _Same(value)
    return value if isinstance(value, Hashable) else _Same(value)


@dataclasses.dataclass(frozen=True, eq=False)
class _Same:
    """Keeps `value` alive, so that its address is not given to another object while the key is in use."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

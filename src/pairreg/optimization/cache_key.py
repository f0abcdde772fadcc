"""When two parts of an objective may share a compiled graph: when everything that is built into it is equal."""

import dataclasses
from collections.abc import Collection, Hashable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from pairreg.regularizer.base import Regularizer
from pairreg.similarity.base import DataTerm


def term_key(term: DataTerm | Regularizer) -> Hashable:
    """Return the `cache_key` of a term without its `weight`, which enters the compiled graph as an input.

    Only the weight of the term itself is left out: what lies within it, also under that name, is built into the graph.
    """
    return _settings_key(term, without=("weight",))


def cache_key(value: Any) -> Hashable:
    """Return `value` in a hashable form that is equal for equal settings of equal types.

    Dataclasses count by their type, fields and further attributes, except fields declared with `compare=False`; lists,
    mappings, sets and arrays by their content. Whatever else is not hashable counts as equal to itself alone.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _settings_key(value)
    if isinstance(value, Mapping):
        return ("mapping", frozenset((cache_key(key), cache_key(entry)) for key, entry in value.items()))
    if isinstance(value, np.ndarray):
        # the bytes of an array of objects are addresses, which say nothing about the objects
        content = cache_key(value.tolist()) if value.dtype.hasobject else value.tobytes()
        return ("array", value.dtype.str, value.shape, content)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return ("sequence", tuple(cache_key(entry) for entry in value))
    if isinstance(value, Set):
        return ("set", frozenset(cache_key(entry) for entry in value))
    try:
        hash(value)
    except TypeError:
        return _Same(value)
    return (type(value), value)  # with the type, because True == 1 == 1.0


def _settings_key(value: Any, without: Collection[str] = ()) -> Hashable:
    """Return the type and all attributes of a dataclass, also those that its constructor sets beside the fields."""
    fields = dataclasses.fields(value)
    left_out = {*without, *(field.name for field in fields if not field.compare)}
    names = dict.fromkeys([*(field.name for field in fields), *getattr(value, "__dict__", ())])
    return (type(value), *((name, cache_key(getattr(value, name))) for name in names if name not in left_out))


@dataclasses.dataclass(frozen=True, eq=False)
class _Same:
    """Keeps `value` alive, so that its address is not given to another object while the key is in use."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

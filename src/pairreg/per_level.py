"""Parts of a registration with settings that change from level to level of the schedule."""

import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, final

from pairreg.errors import InputError

T = TypeVar("T")

GROUPS = ("transform", "similarity", "regularizer", "optimizer")  # which a level of the schedule uses


@final
@dataclass(frozen=True)
class PerLevel(Generic[T]):
    """One object for each level of the schedule, coarse to fine; they differ in the settings given as lists.

    **Attributes:** `parts`: at least one; `lists`: the names of these settings, such as `similarity.ncc.window`.
    """

    parts: tuple[T, ...]
    lists: tuple[str, ...]


def parts_of(part: T | PerLevel[T]) -> Sequence[T]:
    """Return the objects that a part consists of: one for all levels, or one for each."""
    return part.parts if isinstance(part, PerLevel) else [part]


def at_level(part: T | PerLevel[T], index: int) -> T:
    """Return the object of a part for the level `index`, counted from 0; `check_counts` has passed."""
    return part.parts[index] if isinstance(part, PerLevel) else part


def check_counts(parts: Iterable[Any], levels: Collection[int]) -> None:
    """Raise `InputError`, which names the settings, for parts that do not have as many objects as there are levels.

    **Arguments:** `levels`: the number of levels of the schedule; several where the dimension of the images, on which
    it may depend, is not known yet.
    """
    for part in parts:
        if isinstance(part, PerLevel) and len(part.parts) not in levels:
            raise InputError(
                f"{' and '.join(part.lists)} should have a value for each level of the schedule, "
                f"{' or '.join(map(str, sorted(set(levels))))}; it has {len(part.parts)}."
            )


def level_lists(settings: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Return the settings that are lists although their type, in `hints`, is not: they have a value for each level."""
    return {
        key: value
        for key, value in settings.items()
        if isinstance(value, list | tuple) and key in hints and not _may_be_a_list(hints[key])
    }


def level_settings(settings: Mapping[str, Any], lists: Mapping[str, Sequence[Any]], where: str) -> list[dict[str, Any]]:
    """Return the settings at each level; raises `InputError` if the lists are empty, or of several lengths."""
    counts = {key: len(value) for key, value in lists.items()}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        has = ", ".join(f"{key} has {count}" for key, count in counts.items())
        raise InputError(f"{where}: lists should have a value for each level of the schedule; {has}.")
    return [{**settings, **{key: value[i] for key, value in lists.items()}} for i in range(max(counts.values()))]


def without_equal_lists(settings: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with one value in place of a list that has the same one for each level."""
    lists = level_lists(settings, hints)
    return {**settings, **{key: value[0] for key, value in lists.items() if _is_constant(value)}}


def check_constant(lists: Mapping[str, Sequence[Any]], constant: Collection[str], where: str) -> None:
    """Raise `InputError` for a list of several values for one of the settings that are `constant` over the levels."""
    for key, value in lists.items():
        if key in constant and not _is_constant(value):
            raise InputError(
                f"{where}.{key} cannot change between levels, as a level goes on with the parameters of the one "
                f"before; it is {list(value)}, give one value."
            )


def _is_constant(values: Sequence[Any]) -> bool:
    return len(values) > 0 and all(value == values[0] for value in values)


def _may_be_a_list(hint: Any) -> bool:
    """Return whether a value of this type may be a list or another collection; True where the type does not say."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _may_be_a_list(typing.get_args(hint)[0])
    if origin in (typing.Union, UnionType):
        return any(map(_may_be_a_list, typing.get_args(hint)))
    if origin is Literal:
        return False
    kind = origin or hint
    if kind in (object, Any) or not isinstance(kind, type):
        return True
    return issubclass(kind, Iterable) and not issubclass(kind, str | bytes | Mapping)

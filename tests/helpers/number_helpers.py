"""Every number that a config may hold, and values that are tried in its place."""

import copy
import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pairreg
from pairreg import option_files, validation
from pairreg.composition import composed
from pairreg.errors import InputError
from pairreg.study import checked_config

EXTREMES = [float("nan"), float("inf"), -float("inf"), -1, 0, 10**9, 10**20, 1e300, 10**400, 1e-300, 1e9, -1.0, 0.0]
_SHAPES = (  # in which a number may stand
    lambda x: x,
    lambda x: [x],
    lambda x: [x, x],
    lambda x: [x, x, x],
    lambda x: {"height": x},
)
Key = tuple[str, ...]
_ENDS = [-1e30, -10_000, -1, 0, 1e-300, 1e-12, 0.1, 1, 2, 3, 4, 50, 100, 999, 1000, 1024, 10**5, 10**6, 2**31 - 1]
_ENDS += [1 - 1e-12, 10**9, 1e30]


def _needed(group: str, option: str) -> list[str]:
    """The settings without which an option cannot be chosen."""
    files = {"files": ["pair.fixed=f.nii", "pair.moving=m.nii"], "hdf5": ["pair.file=cases.h5"]}
    return files.get(option, []) if group == "pair" else []


@functools.cache
def config(group: str, option: str) -> dict[str, Any]:
    """The config of a command that chooses this option, and makes no index."""
    chosen = [f"{group}={option}", *_needed(group, option)]
    return dict(composed(chosen if group == "tracking" else ["tracking=none", *chosen]))


def options() -> list[tuple[str, str]]:
    return [(group, option) for group in option_files.groups() for option in pairreg.options(group)]


def places(group: str, option: str) -> Iterator[tuple[Key, Any]]:
    """Where a number may stand in the settings of an option: the key, and the annotation of its value."""
    where = (group, option) if group in option_files.TERM_GROUPS else (group,)
    node = functools.reduce(lambda inner, key: inner[key], where, config(group, option))
    target = option_files.locate(node["_target_"], option, (), option_files.targets(group))
    hints = validation.constructor(target)[1]
    yield from (((*where, key), hints[key]) for key in node if key in hints)


def shapes(hint: Any) -> Iterator[Any]:
    """The shapes in which what is annotated so takes numbers, whole or not."""
    for shape in _SHAPES:
        if any(_takes(hint, shape(one)) for one in (3, 2.5, 0.5)):
            yield shape


def _takes(hint: Any, value: Any) -> bool:
    try:
        validation.check_value(hint, value, "x")
    except InputError:
        return False
    return value is not False


def changed(base: Mapping[str, Any], key: Key, value: Any) -> dict[str, Any]:
    """A copy of a config with another value under a key."""
    copied = copy.deepcopy(dict(base))
    functools.reduce(lambda inner, name: inner[name], key[:-1], copied)[key[-1]] = value
    return copied


def refusal(given: Mapping[str, Any]) -> str | None:
    """What the check of the commands says of a config; None if it is accepted."""
    try:
        checked_config.check(given)
    except InputError as error:
        return str(error)
    return None


def answers() -> Iterator[tuple[str, str, str | None]]:
    """Every key with every extreme value in its place, and what is said of it."""
    top = config("tracking", "none")
    tried = [(top, (key,), lambda x: x) for key in ("seed", "threads")]
    for group, option in options():
        tried += [(config(group, option), key, s) for key, hint in places(group, option) for s in shapes(hint)]
    for base, key, shape in tried:
        for value in map(shape, EXTREMES):
            yield ".".join(key), repr(value), refusal(changed(base, key, value))


def ends(group: str, option: str, without: Collection[str] = ()) -> Iterator[tuple[Key, Any]]:
    """The least and the largest number that is accepted in every place of an option's settings, `without` some."""
    for key, hint in places(group, option):
        for shape in () if key[-1] in without else shapes(hint):
            found = [value for value in map(shape, sorted(_ENDS)) if _accepted(group, option, key, value)]
            yield from ((key, value) for value in (found[:1] + found[-1:]))


def _accepted(group: str, option: str, key: Key, value: Any) -> bool:
    return refusal(changed(config(group, option), key, value)) is None

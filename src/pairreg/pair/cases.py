"""The cases of a data set, chosen by name or by a pattern of names."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pairreg.errors import InputError


def is_pattern(case: str) -> bool:
    """Whether `case` may stand for several: it has a character that means something to a shell."""
    return bool(set("*?[") & set(case))


def matching(known: Sequence[str], pattern: str, source: str) -> list[str]:
    """The names among `known` that `pattern` matches (`*`, `?`, `[...]` as in a shell), in their order.

    A pattern that is itself a name means that case only. Raises `InputError`, with the known names, if there is none;
    `source` is what has the cases.
    """
    found = [pattern] if pattern in known else [name for name in known if fnmatchcase(name, pattern)]
    if not found:
        raise InputError(f"{source} has no case {pattern!r}; its cases are {', '.join(known)}.")
    return found


def only(found: Sequence[str], pattern: str, source: str) -> str:
    """The one name that was `found` for `pattern`; raises `InputError` if there are several."""
    if len(found) > 1:
        names = ", ".join(found)
        raise InputError(f"{source} has {len(found)} cases that match {pattern!r} ({names}); give one of them as case.")
    return found[0]

"""How many runs the values of a sweep make, before all of them are written out."""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, RangeSweep
from hydra.errors import HydraException

from pairreg.errors import InputError

MOST = 100_000  # runs of one command; each leaves a folder


def check_sweep_size(entries: Mapping[str, object], arguments: Iterable[str] = ()) -> None:
    """Raise `InputError` for values without an end, and for more runs than a study can have.

    `entries`: values by key, as a sweeper has them in its config; an override among the `arguments` replaces the entry
    of its key.
    """
    given = [f"{key}={value}" for key, value in entries.items()]
    check_runs(math.prod(dict(map(_counted, [*given, *arguments])).values()))


def check_runs(count: float) -> None:
    """Raise `InputError` for more runs than a study can have."""
    if count > MOST:
        raise InputError(f"the values given make {count:.3g} runs; give at most {MOST:,}.")


@lru_cache(maxsize=1024)  # each job of a sweep is composed with the same entries
def _counted(argument: str) -> tuple[str, float]:
    """Return the key of an override, and how many values it has."""
    if not ("," in argument or "range(" in argument):
        return argument.partition("=")[0], 1
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException:  # Hydra will say so
        return argument, 1
    return override.get_key_element(), _count(override.value(), argument)


def _count(value: object, argument: str) -> float:
    if isinstance(value, ChoiceSweep):
        return len(value.list)
    if not isinstance(value, RangeSweep):
        return 1
    ends = [math.nan if number is None else float(number) for number in (value.start, value.stop, value.step)]
    start, stop, step = ends
    if not all(map(math.isfinite, ends)) or step == 0:
        raise InputError(f"argument {argument!r} has no end; give finite numbers, and a step that is not 0.")
    return max(1.0, math.ceil((stop - start) / step))

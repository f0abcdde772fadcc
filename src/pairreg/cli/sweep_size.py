"""How many runs the values on the command line make, before Hydra writes all of them out."""

import math
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, RangeSweep
from hydra.errors import HydraException

from pairreg.errors import InputError

MOST = 100_000  # runs of one command; each leaves a folder


def check_sweep_size(arguments: Sequence[str]) -> None:
    """Raise `InputError` for values without an end, and for more runs than a study can have."""
    parser, runs = OverridesParser.create(), 1.0
    for argument in arguments:
        if argument.startswith("-") or "=" not in argument or not ("," in argument or "range(" in argument):
            continue
        try:
            value = parser.parse_override(argument).value()
        except HydraException:
            return  # Hydra will say so
        runs *= _count(value, argument)
    if runs > MOST:
        raise InputError(f"the values given make {runs:.3g} runs; give at most {MOST:,}.")


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

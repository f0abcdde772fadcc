"""The axes of a sweep: keys with several values, of which every combination is a run, or that advance together."""

import itertools
import math
from collections.abc import Mapping, Sequence

from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep

from pairreg import validation
from pairreg.errors import InputError

_MOST = 100_000  # runs of one command; each leaves a folder


def values(override: Override) -> list[str]:
    """Return an override for each value of a sweep, such as `["seed=1", "seed=2"]`.

    Raises `InputError` for an interval, for a range without an end, for no value at all (of an empty range, or of a
    `glob` that fits no option), and for more values than a study can have.
    """
    key = override.get_key_element()
    if not override.is_discrete_sweep():
        raise InputError(f"{override.input_line}: only a search has intervals; give values, such as {key}=1,2,3.")
    _check_count(_count(override))
    return [f"{key}={value}" for value in texts(override)]


def texts(override: Override) -> list[str]:
    """Return the values of a sweep without intervals, as the command line takes them.

    Raises `InputError` if there is none.
    """
    found = list(override.sweep_string_iterator())
    if not found:
        key = override.get_key_element()
        raise InputError(f"{override.input_line} has no value; give one, or several, such as {key}=A,B.")
    return found


def combinations(axes: Mapping[str, Sequence[str]], paired: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the overrides of each run: all combinations of the values of `axes`, key by key.

    The keys of a group in `paired` advance together: the first value of each makes a run, then the second of each.
    Raises `InputError` for groups whose keys do not have equally many values, and for more runs than a study can have.
    """
    together = {key: tuple(group) for group in paired for key in group}
    if sum(map(len, paired)) > len(together):
        raise InputError(f"hydra.sweeper.zip={_text(paired)} names a key twice; name each key once.")
    for group in paired:
        _check_group(axes, group)
    groups = dict.fromkeys(together.get(key, (key,)) for key in axes)
    steps = [list(zip(*(axes[key] for key in group), strict=True)) for group in groups]
    _check_count(math.prod(map(len, steps)))
    return [tuple(itertools.chain.from_iterable(step)) for step in itertools.product(*steps)]


def check_range(override: Override) -> None:
    """Raise `InputError` for a range without an end."""
    _count(override)


def _check_group(axes: Mapping[str, Sequence[str]], group: Sequence[str]) -> None:
    for key in group:
        if key not in axes:
            several = [known for known, given in axes.items() if len(given) > 1]
            validation.one_of("hydra.sweeper.zip: key", key, several or axes)
    if len({len(axes[key]) for key in group}) > 1:
        counts = ", ".join(f"{key} has {len(axes[key])}" for key in group)
        raise InputError(f"hydra.sweeper.zip={_text([group])} needs equally many values of each key; {counts}.")


def _check_count(runs: float) -> None:
    if runs > _MOST:
        raise InputError(f"the values given make {runs:.3g} runs; give at most {_MOST:,}.")


def _count(override: Override) -> float:
    sweep = override.value()
    if isinstance(sweep, ChoiceSweep):
        return len(sweep.list)
    if not isinstance(sweep, RangeSweep):
        return 1
    ends = [math.nan if number is None else float(number) for number in (sweep.start, sweep.stop, sweep.step)]
    start, stop, step = ends
    if not all(map(math.isfinite, ends)) or step == 0:
        raise InputError(f"{override.input_line} has no end; give finite numbers, and a step that is not 0.")
    return max(1.0, math.ceil((stop - start) / step))


def _text(groups: Sequence[Sequence[str]]) -> str:
    """Return groups of keys as the command line takes them."""
    return f"[{','.join('[' + ','.join(group) + ']' for group in groups)}]"

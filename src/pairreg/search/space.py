"""The space of a search: Hydra's sweep syntax, read as Optuna's distributions.

`interval(0.1, 10)`, `int(interval(1, 5))`, `tag(log, interval(0.1, 10))`, `range(1, 5)` (5 excluded, as everywhere in
Hydra), `choice(a, b)` and `a,b` mean what they mean to hydra-optuna-sweeper 1.4; `glob(d*)` is a choice of the options
of a group that fit.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pairreg.errors import InputError
from pairreg.search.axes import check_range, combinations, texts, values

Distribution = FloatDistribution | IntDistribution | CategoricalDistribution


@dataclass(frozen=True)
class Space:
    """The overrides of a search, sorted by who chooses their values.

    **Attributes:** `free`: Optuna, a value for each trial; `replicates`: nobody, every trial runs all of them; `fixed`:
    the user; `compared`: nobody, each has a search of its own (one without overrides if nothing is compared).
    """

    free: Mapping[str, Distribution]
    replicates: Sequence[Sequence[str]]
    fixed: Sequence[str]
    compared: Sequence[Sequence[str]] = ((),)

    def jobs(self, params: Mapping[str, object]) -> list[list[str]]:
        """Return the overrides of the runs of one trial."""
        chosen = [f"{key}={value}" for key, value in params.items()]
        return [[*self.fixed, *replicate, *chosen] for replicate in self.replicates]

    def of(self, candidate: Sequence[str]) -> "Space":
        """Return the space of the search for one of the things that are `compared`."""
        return replace(self, fixed=[*self.fixed, *candidate], compared=((),))

    def example(self) -> dict[str, object]:
        """Return some value for every free parameter."""
        return {
            key: one.choices[0] if isinstance(one, CategoricalDistribution) else one.low
            for key, one in self.free.items()
        }

    def examples(self) -> list[dict[str, object]]:
        """Return `example`, and the same with each other value of the parameters that are no numbers.

        Whatever such a value stands for, such as an option, a module or a file, is in one of them.
        """
        first = self.example()
        choices = {key: one.choices for key, one in self.free.items() if isinstance(one, CategoricalDistribution)}
        return [first, *(first | {key: value} for key, values in choices.items() for value in values[1:])]


def read_space(
    overrides: Sequence[Override], per: Container[str] | None = (), paired: Sequence[Sequence[str]] = ()
) -> Space:
    """Sort overrides into a space; of two with the same key the later counts.

    **Arguments:** `per`: the keys that are compared, None for whatever has several values; `paired`: groups of keys
    that advance together, as in `pairreg.search.axes.combinations`.

    Raises `InputError` for what cannot be searched.
    """
    last = {(override.key_or_group, override.package): override for override in overrides}
    free: dict[str, Distribution] = {}
    replicated: dict[str, list[str]] = {}
    compared: dict[str, list[str]] = {}
    fixed: list[str] = []
    for override in last.values():
        key = override.get_key_element()
        if not override.is_sweep_override():
            fixed.append(str(override.input_line))
        elif _is_replicate(override.key_or_group):
            replicated[key] = _values(override, "makes replicates of a trial")
        elif per is None or key in per:
            compared[key] = _values(override, "is compared")
        else:
            free[key] = _distribution(override)
    of_pairs = [group for group in paired if any(key in replicated for key in group)]
    others = [group for group in paired if group not in of_pairs]
    return Space(free, combinations(replicated, of_pairs), fixed, combinations(compared, others))


def _values(override: Override, what: str) -> list[str]:
    """Return an override for each value of a sweep; raises `InputError` for an interval."""
    key = override.get_key_element()
    if not override.is_discrete_sweep():
        raise InputError(f"{key} {what} and needs values, such as {key}=1,2,3.")
    return values(override)


def _is_replicate(key: str) -> bool:
    """Return whether a key chooses pairs or seeds.

    These are no settings to choose: a good setting does well on all of them.
    """
    return key in ("pair", "seed") or key.startswith("pair.")


def _distribution(override: Override) -> Distribution:
    """Return the values that a sweep allows; raises `InputError` if there is none."""
    key, sweep = override.get_key_element(), override.value()
    log = "log" in getattr(sweep, "tags", ())  # which a glob has not
    if log and not isinstance(sweep, IntervalSweep):
        raise InputError(f"{key}: only an interval can be searched on a logarithmic scale.")
    if getattr(sweep, "shuffle", False):
        raise InputError(f"{key}: a search goes through values in an order of its own; leave out shuffle.")
    try:
        match sweep:
            case IntervalSweep(start=int(low), end=int(high)):
                return IntDistribution(low, high, log=log)
            case IntervalSweep(start=float(low), end=float(high)):
                return FloatDistribution(low, high, log=log)
            case RangeSweep():
                check_range(override)
                steps = [round(value, 12) for value in sweep.range()]  # Hydra adds up the steps
                if not steps:
                    raise ValueError("the range is empty.")
                kind: Any = IntDistribution if isinstance(steps[0], int) else FloatDistribution
                return kind(min(steps), max(steps), step=abs(sweep.step))
            case _:
                return CategoricalDistribution(texts(override))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{override.input_line}: {error}") from error

"""What varies among the runs of a study: the factors of its table and figures.

A run is one that is asked for or one on disk, complete or not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pairreg.option_files import TERM_GROUPS
from pairreg.runs.identity import BOOKKEEPING, flat
from pairreg.runs.spec import Described

_REPLICATES = ("pair", "seed")  # a method is judged over these
FIRST = ("similarity", "regularizer", "transform")  # the order in which people name a method
Setting = tuple[str | None, ...]  # a value of every factor, None where the factor means nothing to the run


@dataclass(frozen=True)
class Factor:
    """`key`: a config group (`similarity`) or a flat config key (`regularizer.diffusion.weight`); `name`: short."""

    key: str
    name: str
    is_choice: bool
    values: tuple[str, ...]

    @property
    def group(self) -> str:
        return self.key.partition(".")[0]

    @property
    def is_number(self) -> bool:
        return all(_is_number(value) for value in self.values)

    def value(self, run: Described) -> str | None:
        return run.choices.get(self.key) if self.is_choice else flat_config(run).get(self.key)

    def label(self, value: str) -> str:
        """How figures call a value: `ncc`, `no regularizer`, `diffusion.weight 0.5`."""
        if self.is_choice:
            return f"no {self.name}" if value == "none" else value
        return f"{self.name} {self.short(value)}"

    def short(self, value: str) -> str:
        """Four digits of a number that a search drew, unless that makes two values one."""
        rounded = [f"{float(v):.4g}" for v in self.values] if self.is_number else []
        return rounded[self.values.index(value)] if len(set(rounded)) == len(self.values) else value


def factors(runs: Sequence[Described]) -> list[Factor]:
    """The factors of a study without its replicates: the groups first, then the keys."""
    return [factor for factor in all_factors(runs) if factor.group not in _REPLICATES]


def all_factors(runs: Sequence[Described]) -> list[Factor]:
    """Every group or key that varies among runs that share what stands above it.

    Above a key stands the choice of its group (which tells its `_target_`, too), above both the experiments that all
    runs name (`preset` and the like): these set several groups and keys at once.
    """
    configs = [flat_config(run) for run in runs]
    groups = _unique(key for run in runs for key in run.choices if key not in BOOKKEEPING)
    # an experiment leaves nothing under its own name in the config
    shorthand = [g for g in groups if not any(g in run.config for run in runs)]
    named = [g for g in shorthand if all(run.choices.get(g, "None") != "None" for run in runs)]
    experiments = [tuple(run.choices[g] for g in named) for run in runs]

    found: dict[str, list[str | None]] = {}
    for group in sorted(named) + sorted((g for g in groups if g not in shorthand), key=_place):
        values = [run.choices.get(group) for run in runs]
        if _varies(values, [() for _ in runs] if group in named else experiments):
            found[group] = values
    choices = set(found)
    for key in _unique(key for config in configs for key in config):
        values = [config.get(key) for config in configs]
        chosen = [run.choices.get(key.partition(".")[0]) for run in runs]
        if _varies(values, list(zip(chosen, experiments, strict=True))):
            found[key] = values
    names = _short_names(list(found))
    return [Factor(key, names[key], key in choices, in_order(values)) for key, values in found.items()]


def _place(group: str) -> tuple[int, str]:
    return FIRST.index(group) if group in FIRST else len(FIRST), group


def flat_config(run: Described) -> dict[str, str]:
    """The flat config without what cannot change a result."""
    return flat({key: value for key, value in run.config.items() if key not in BOOKKEEPING})


def _varies(values: Sequence[str | None], above: Sequence[object]) -> bool:
    """Whether runs with equal `above` differ in `values`."""
    return len(set(zip(values, above, strict=True))) > len(set(above))


def _short_names(keys: Sequence[str]) -> dict[str, str]:
    """`diffusion.weight` of a term, `learning_rate` of an optimizer; the whole key where that is not unique."""
    short = {key: key.partition(".")[2] if key.split(".")[0] in TERM_GROUPS else key.split(".")[-1] for key in keys}
    short = {key: name or key for key, name in short.items()}
    return {key: name if list(short.values()).count(name) == 1 else key for key, name in short.items()}


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def in_order(values: Iterable[str | None]) -> tuple[str, ...]:
    """Distinct values, numbers by size and before words."""
    distinct = {value for value in values if value is not None}
    return tuple(sorted(distinct, key=lambda v: (0, float(v), v) if _is_number(v) else (1, 0.0, v)))


def setting(run: Described, among: Sequence[Factor]) -> Setting:
    return tuple(factor.value(run) for factor in among)


def ordered(settings: Iterable[Setting], among: Sequence[Factor]) -> list[Setting]:
    """Distinct settings, by the order of the values of each factor."""

    def rank(one: Setting) -> list[int]:
        return [-1 if v is None else factor.values.index(v) for factor, v in zip(among, one, strict=True)]

    return sorted(set(settings), key=rank)


def label(one: Setting, among: Sequence[Factor]) -> str:
    """`ncc · diffusion · diffusion.weight 0.5`; the one setting of a study without factors is `all runs`."""
    return " · ".join(a.label(v) for a, v in zip(among, one, strict=True) if v is not None) or "all runs"

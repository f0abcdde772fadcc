"""The factors of a study: what varies among its runs, for its tables and figures.

A run here is one that is asked for or one on disk, complete or not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pairreg.option_files import OF_METHODS, TERM_GROUPS
from pairreg.runs.identity import BOOKKEEPING, before, flat, in_one_value, option_name
from pairreg.runs.spec import Described
from pairreg.validation import is_number

_REPLICATES = ("pair", "seed")  # a method is judged over these
_PRESET = "preset"
FIRST = ("method", "similarity", "regularizer", "transform")  # the order in which people name a method
_SEVERAL = 4  # values of a setting; of more numbers the range is told
Setting = tuple[str | None, ...]  # a value of every factor, None where the factor means nothing to the run


@dataclass(frozen=True)
class Factor:
    """One option or setting that varies.

    **Attributes:** `key`: a config group (`similarity`) or a flat config key (`regularizer.diffusion.weight`); `name`:
    a short form of it; `is_choice`: whether it is a group; `values`: all that occur, in order.
    """

    key: str
    name: str
    is_choice: bool
    values: tuple[str, ...]

    @property
    def group(self) -> str:
        """The config group that the key belongs to."""
        return self.key.partition(".")[0]

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers."""
        return all(is_number(value) for value in self.values)

    def value(self, run: Described) -> str | None:
        """Return the value of a run; None if the factor means nothing to it."""
        if self.is_choice:
            return run.choices.get(self.key)
        value = flat_config(run).get(self.key)
        return before(run.config, self.key) if value is None else value

    def label(self, value: str) -> str:
        """Return what figures call a value: `ncc`, `no regularizer`, `diffusion.weight 0.5`."""
        if self.is_choice:
            return f"no {self.name}" if value in ("none", "None") else value
        return f"{self.name} {self.short(value)}"

    def short(self, value: str) -> str:
        """Return four digits of a number that a search drew, unless that makes two values one."""
        rounded = [f"{float(v):.4g}" for v in self.values] if self.is_number else []
        return rounded[self.values.index(value)] if len(set(rounded)) == len(self.values) else value


@dataclass(frozen=True)
class ChosenOption:
    """An option that runs have chosen, or the value of a setting that belongs to no option, such as `threads`.

    **Attributes:** `group`, `option`: such as `similarity` and `ncc`; `settings`: the text of its settings, with all
    values that occur; `count`: how many of the runs have chosen it.
    """

    group: str
    option: str
    settings: str
    count: int


def chosen_options(runs: Sequence[Described]) -> list[ChosenOption]:
    """Return what runs use, whether all of them or some, without pair and seed; each term is an option of its own."""
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for run in runs:
        for choice, settings in _settings_by_option(run).items():
            found.setdefault(choice, []).append(settings)
    options = [ChosenOption(*choice, _settings_text(every), len(every)) for choice, every in found.items()]
    return sorted(options, key=lambda one: (one.group != _PRESET, _place(one.group)))


def _settings_by_option(run: Described) -> dict[tuple[str, str], dict[str, str]]:
    """Return the settings of a run that are not None, by group and option."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    if run.choices.get(_PRESET, "None") != "None":
        found[_PRESET, run.choices[_PRESET]] = {}
    for key, value in flat_config(run).items():
        group, _, name = key.partition(".")
        if group in TERM_GROUPS and name:
            term, _, name = name.partition(".")
            own = option_name(group, str(run.config[group][term].get("_target_")))
            option = term if own in (term, None) else f"{term} ({own})"
        else:
            option = run.choices.get(group, "") if name else value
        if group not in _REPLICATES:
            settings = found.setdefault((group, option), {})
            if name and value != "None" and not name.endswith("_target_"):
                settings[name] = value
    return found


def _settings_text(every: Sequence[dict[str, str]]) -> str:
    """Return the settings that runs have given one option: `weight 2.0, window 5 or 9`."""
    texts = []
    for name in _unique(name for settings in every for name in settings):
        values = in_order(settings.get(name) for settings in every)
        if len(values) > _SEVERAL and all(map(is_number, values)):
            texts.append(f"{name} {values[0]} to {values[-1]}")
        else:
            texts.append(f"{name} {' or '.join(values)}")
    return ", ".join(texts)


def factors(runs: Sequence[Described]) -> list[Factor]:
    """Return the factors of a study without its replicates: the groups first, then the keys."""
    return [factor for factor in all_factors(runs) if factor.group not in _REPLICATES]


def all_factors(runs: Sequence[Described]) -> list[Factor]:
    """Return every group or key that varies among runs that share what stands above it.

    Above a key stands the choice of its group (which also determines its `_target_`), above both the experiments that
    all runs name (`preset` and the like): these set several groups and keys at once. None stands above pair and seed,
    over which experiments are judged, too. A setting that an option has gained since an older run has in that run the
    value that does what the option did before.
    """
    choices = [run.choices for run in runs]
    kept = {key for run in runs for key in run.config}
    # An experiment (a preset, an ablation) leaves nothing under its own name in the config. One that only some of the
    # runs name is no factor: what it sets varies itself.
    shorthand = _unique(g for chosen in choices for g in chosen if g not in kept and g not in BOOKKEEPING)
    named = [g for g in shorthand if all(chosen.get(g, "None") != "None" for chosen in choices)]
    found = _varying(runs, shorthand, named)
    if _PRESET in shorthand and _PRESET not in named:
        # Whole presets, one of which is none, are compared: a name says it in fewer words than all that they set.
        by_preset = _varying(runs, shorthand, [*named, _PRESET])
        found = by_preset if len(by_preset) < len(found) else found
    # Names come last: how short they can be depends on all keys that vary.
    names = _short_names(list(found))
    are_choices = {key for chosen in choices for key in chosen}
    return [Factor(key, names[key], key in are_choices, in_order(values)) for key, values in found.items()]


def _varying(runs: Sequence[Described], shorthand: Sequence[str], named: Sequence[str]) -> dict[str, list[str | None]]:
    """Return each run's value of every group or key that varies; experiments in `named` stand for what they set."""
    configs, choices = [flat_config(run) for run in runs], [run.choices for run in runs]
    experiments = [tuple(chosen.get(g, "None") for g in named) for chosen in choices]
    methods = [chosen.get("method", "optimization") for chosen in choices]

    def above(group: str) -> list[object]:
        if group in _REPLICATES:  # two pairs are two, whatever has chosen them
            return [() for _ in runs]
        # Methods do not use the same groups: only among runs of one method can such a group vary.
        return list(zip(experiments, methods, strict=True)) if group in OF_METHODS else list(experiments)

    # Groups come before keys, because a key varies of its own only among runs with the same choice of its group.
    found: dict[str, list[str | None]] = {}
    groups = _unique(key for chosen in choices for key in chosen if key not in BOOKKEEPING and key not in shorthand)
    for group in [*sorted(named), *sorted(groups, key=_place)]:
        values = [chosen.get(group) for chosen in choices]
        if _varies(values, [() for _ in runs] if group in named else above(group)):
            found[group] = values
    for key in _unique(key for config in configs for key in config):
        group = key.partition(".")[0]
        standing = [(chosen.get(group), more) for chosen, more in zip(choices, above(group), strict=True)]
        values = [config.get(key) for config in configs]
        if _varies(values, standing):
            known = zip(runs, values, strict=True)
            values = [before(run.config, key) if value is None else value for run, value in known]
        if _varies(values, standing):
            found[key] = values
    return found


def _place(group: str) -> tuple[int, str]:
    """Return a sort key that puts the groups of `FIRST` first, then the others by name."""
    return FIRST.index(group) if group in FIRST else len(FIRST), group


def flat_config(run: Described) -> dict[str, str]:
    """Return the flat config of a run, without what cannot change a result; equal values of all levels are one."""
    return flat({key: value for key, value in in_one_value(run.config).items() if key not in BOOKKEEPING})


def _varies(values: Sequence[str | None], above: Sequence[object]) -> bool:
    """Return whether runs with equal `above` differ in `values`."""
    return len(set(zip(values, above, strict=True))) > len(set(above))


def _short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return a short name for every key: `diffusion.weight` for a term, `learning_rate` for an optimizer.

    A short name that two keys would share is the whole key.
    """
    short = {key: key.partition(".")[2] if key.split(".")[0] in TERM_GROUPS else key.split(".")[-1] for key in keys}
    short = {key: name or key for key, name in short.items()}
    return {key: name if list(short.values()).count(name) == 1 else key for key, name in short.items()}


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def in_order(values: Iterable[str | None]) -> tuple[str, ...]:
    """Return the distinct values, numbers by size and before words."""
    distinct = {value for value in values if value is not None}
    return tuple(sorted(distinct, key=lambda v: (0, float(v), v) if is_number(v) else (1, 0.0, v)))


def setting(run: Described, among: Sequence[Factor]) -> Setting:
    """Return the values of a run for the factors `among`."""
    return tuple(factor.value(run) for factor in among)


def ordered(settings: Iterable[Setting], among: Sequence[Factor]) -> list[Setting]:
    """Return the distinct settings, by the order of the values of each factor."""

    def rank(one: Setting) -> list[int]:
        return [-1 if v is None else factor.values.index(v) for factor, v in zip(among, one, strict=True)]

    return sorted(set(settings), key=rank)


def label(one: Setting, among: Sequence[Factor]) -> str:
    """Return `ncc · diffusion · diffusion.weight 0.5`; the one setting of a study without factors is `all runs`."""
    return " · ".join(a.label(v) for a, v in zip(among, one, strict=True) if v is not None) or "all runs"

"""The factors of a study: what varies among its runs, for its tables and figures.

A run here is one that is asked for or one on disk, complete or not. Where all runs have kept what the content of their
inputs was, it tells files apart, and not their paths: the same data may lie elsewhere, and other data under one path.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pairreg.option_files import OF_METHODS, TERM_GROUPS
from pairreg.runs.identity import BOOKKEEPING, before, flat, in_one_value, option_name, plain, tells_apart
from pairreg.runs.spec import Described
from pairreg.validation import is_number

_PAIR = "pair"
_REPLICATES = (_PAIR, "seed")  # a method is judged over these
_PRESET, _DEFAULT, _NONE = "preset", "default", (None, "None")  # the default one chooses nothing, as none does
FIRST = ("method", "similarity", "regularizer", "transform")  # the order in which people name a method
_SEVERAL = 4  # values of a setting; of more numbers the range is told
_DIGITS = 8  # of a digest, which tell two contents apart
Setting = tuple[str | None, ...]  # a value of every factor, None where the factor means nothing to the run
Values = list[str | None]  # of a factor, one for each run


@dataclass(frozen=True)
class Factor:
    """One option or setting that varies.

    **Attributes:** `key`: a config group (`similarity`) or a flat config key (`regularizer.diffusion.weight`); `name`:
    a short form of it; `is_choice`: whether it is a group; `values`: all that occur, in order; `files`: what each
    content of an input is called, by its digest, empty where the contents are not known or the key is of no input.
    """

    key: str
    name: str
    is_choice: bool
    values: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)

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
            found = choice_of(run, self.key)
            return _DEFAULT if self.key == _PRESET and found in _NONE and _DEFAULT in self.values else found
        found = self.files.get(_contents(run).get(self.key, "")) if self.files else None
        value = flat_config(run).get(self.key) if found is None else found
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
    """Return the factors of a study without its replicates: the groups first, then the keys.

    An input of which each pair has its own, such as the transform that it begins with, is none: it goes with the pair.
    """
    found = varied(runs)
    own = [(factor, values) for factor, values in found if factor.group not in _REPLICATES]
    others = list(zip(*(values for factor, values in own if not factor.files), strict=True)) or [()] * len(runs)
    seeds = [str(run.config.get("seed")) for run in runs]
    replicates = list(zip(others, pair_identities(runs, found), seeds, strict=True))
    return [
        factor
        for factor, values in own
        if not factor.files or _varies(values, replicates) or not _varies(values, others)
    ]


def pair_identities(runs: Sequence[Described], found: Sequence[tuple[Factor, Values]]) -> list[object]:
    """Return what tells the pair of each run from others, of what `varied` has found: its option and its settings.

    A setting that an option has gained is None in newer runs, and not there in older ones.
    """
    by_content = all(run.known_inputs is not None for run in runs)
    own = [(factor.key, values) for factor, values in found if factor.group == _PAIR and not factor.is_choice]
    return [
        (
            _pair_option(run),
            *(
                (key, values[i])
                for key, values in own
                if values[i] not in (None, "None") and tells_apart(run.config, key, by_content)
            ),
        )
        for i, run in enumerate(runs)
    ]


def _pair_option(run: Described) -> str:
    """Return what loads the pair of a run; its choice may be a case, whose name is a setting, too."""
    return str((run.config.get(_PAIR) or {}).get("_target_", run.choices.get(_PAIR)))


def varied(runs: Sequence[Described]) -> list[tuple[Factor, Values]]:
    """Return every group or key that varies among runs that share what stands above it, and its value in each run.

    Above a key stands the choice of its group (which also determines its `_target_`), above both the experiments that
    all runs name (`preset` and the like): these set several groups and keys at once. None stands above pair and seed,
    over which experiments are judged, too; above a key of a pair stands what loads it. A setting that an option has
    gained since an older run has in that run the value that does what the option did before.
    """
    choices = _choices(runs)
    kept = {key for run in runs for key in run.config}
    # An experiment (a preset, an ablation) leaves nothing under its own name in the config. One that only some of the
    # runs name is no factor: what it sets varies itself.
    shorthand = _unique(g for chosen in choices for g in chosen if g not in kept and g not in BOOKKEEPING)
    named = [g for g in shorthand if all(chosen.get(g, "None") != "None" for chosen in choices)]
    configs, files = _named_by_content(runs)
    found = _varying(runs, configs, shorthand, named)
    if _PRESET in shorthand and _PRESET not in named:
        # Whole presets, one of which is none, are compared: a name says it in fewer words than all that they set.
        by_preset = _varying(runs, configs, shorthand, [*named, _PRESET])
        found = by_preset if len(by_preset) < len(found) else found
    # Names come last: how short they can be depends on all keys that vary.
    names = _short_names(list(found))
    are_choices = {key for chosen in choices for key in chosen}
    return [
        (Factor(key, names[key], key in are_choices, in_order(values), files.get(key, {})), values)
        for key, values in found.items()
    ]


def _named_by_content(runs: Sequence[Described]) -> tuple[list[dict[str, str]], dict[str, dict[str, str]]]:
    """Return the flat configs of runs, in which equal inputs are called alike and others are not, and these names.

    The names are by key and by digest: the shortest of the paths that lead to a content, with the beginning of the
    digest if it has led to another one, too. As soon as one run has not kept its inputs, paths are all that is known.
    """
    configs = [flat_config(run) for run in runs]
    if any(run.known_inputs is None for run in runs):
        return configs, {}
    contents = [_contents(run) for run in runs]
    paths: dict[str, dict[str, set[str]]] = {}
    for config, content in zip(configs, contents, strict=True):
        for key in content.keys() & config.keys():
            paths.setdefault(key, {}).setdefault(content[key], set()).add(config[key])
    names = {key: _names(by_content) for key, by_content in paths.items()}
    for config, content in zip(configs, contents, strict=True):
        config |= {key: names[key][content[key]] for key in content.keys() & config.keys()}
    return configs, names


def _names(paths: Mapping[str, set[str]]) -> dict[str, str]:
    """Return a name for each content, by digest, of whose paths are given."""
    shortest = {digest: min(some, key=lambda path: (len(path), path)) for digest, some in paths.items()}
    shared = Counter(shortest.values())
    return {digest: path if shared[path] == 1 else f"{path} ({digest[:_DIGITS]})" for digest, path in shortest.items()}


def _contents(run: Described) -> dict[str, str]:
    """Return the digests of the inputs of a run by the keys of its config; those of a list are one."""
    found: dict[str, str] = {}
    for name, one in (run.known_inputs or {}).items():
        key = name.partition("[")[0]
        found[key] = found.get(key, "") + one.digest
    return found


def _varying(
    runs: Sequence[Described], configs: Sequence[Mapping[str, str]], shorthand: Sequence[str], named: Sequence[str]
) -> dict[str, Values]:
    """Return each run's value of every group or key that varies; experiments in `named` stand for what they set."""
    choices = _choices(runs)
    experiments = [tuple(chosen.get(g, "None") for g in named) for chosen in choices]
    methods = [chosen.get("method", "optimization") for chosen in choices]

    def above(group: str) -> list[object]:
        if group in _REPLICATES:  # two pairs are two, whatever has chosen them
            return [() for _ in runs]
        # Methods do not use the same groups: only among runs of one method can such a group vary.
        return list(zip(experiments, methods, strict=True)) if group in OF_METHODS else list(experiments)

    # Groups come before keys, because a key varies of its own only among runs with the same choice of its group.
    found: dict[str, Values] = {}
    groups = _unique(key for chosen in choices for key in chosen if key not in BOOKKEEPING and key not in shorthand)
    for group in [*sorted(named), *sorted(groups, key=_place)]:
        values = [chosen.get(group) for chosen in choices]
        if _varies(values, [() for _ in runs] if group in named else above(group)):
            found[group] = values
    for key in _unique(key for config in configs for key in config):
        group = key.partition(".")[0]
        options = [_pair_option(run) if group == _PAIR else choice_of(run, group) for run in runs]
        standing = list(zip(options, above(group), strict=True))
        values = [config.get(key) for config in configs]
        if _varies(values, standing):
            known = zip(runs, values, strict=True)
            values = [before(run.config, key) if value is None else value for run, value in known]
        if _varies(values, standing) and all(tells_apart(run.config, key, by_content=False) for run in runs):
            found[key] = values
    return found


def _choices(runs: Sequence[Described]) -> list[dict[str, str]]:
    """Return the choices of runs, in which no preset is called `default` if another run calls it so."""
    choices = [{group: str(choice_of(run, group)) for group in run.choices} for run in runs]
    if any(chosen.get(_PRESET) == _DEFAULT for chosen in choices):
        return [chosen | {_PRESET: _DEFAULT} if chosen.get(_PRESET) in _NONE else chosen for chosen in choices]
    return choices


def choice_of(run: Described, group: str) -> str | None:
    """Return what a run chooses of a group; the terms of a loss by the alphabet, as their order does not count."""
    found = run.choices.get(group)
    return "+".join(sorted(found.split("+"))) if found and group in TERM_GROUPS else found


def _place(group: str) -> tuple[int, str]:
    """Return a sort key that puts the groups of `FIRST` first, then the others by name."""
    return FIRST.index(group) if group in FIRST else len(FIRST), group


def flat_config(run: Described) -> dict[str, str]:
    """Return the flat config of a run, without what cannot change a result; equal values of all levels are one.

    Of a result that Python saved without a config it is known which files its pair was read from.
    """
    if not run.config:
        return {name: one.path for name, one in (run.known_inputs or {}).items() if name.startswith(f"{_PAIR}.")}
    return as_flat(run.config)


def as_flat(config: Mapping[str, Any]) -> dict[str, str]:
    """Return a config as `flat_config` does; 1 and 1.0 are one number."""
    counting = {key: value for key, value in in_one_value(config).items() if key not in BOOKKEEPING}
    return flat(plain(counting))


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

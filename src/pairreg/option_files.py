"""The option files in `conf/`, and the objects that they describe."""

import copy
import functools
import importlib
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from pairreg import names, per_level, validation
from pairreg.backend import configure
from pairreg.errors import InputError
from pairreg.validation import SettingError, check_arguments, one_of, python_number

# Classes of Keras that a setting may name, which none of our option files does.
_SCHEDULES = tuple(
    f"keras.optimizers.schedules.{name}"
    for name in (
        "CosineDecay",
        "CosineDecayRestarts",
        "ExponentialDecay",
        "InverseTimeDecay",
        "PiecewiseConstantDecay",
        "PolynomialDecay",
    )
)
_TARGET = re.compile(r"^ *_target_: *(\S+)", re.MULTILINE)
NUMERICS = ("precision", "threads", "seed")  # settings of the method beside the groups
TERM_GROUPS = names.TERM_GROUPS
# What a method may use; our own uses all of it.
OF_METHODS = frozenset(
    {"preprocessing", "initialization", "transform", "optimizer", "schedule", *TERM_GROUPS, *NUMERICS}
)


def conf_folder() -> Path:
    """Return the folder of the option files, in a checkout as in an installed wheel."""
    return Path(str(files("pairreg.conf")))


def experiments_folder() -> Path:
    """Return the folder of variants, presets and studies, likewise."""
    return Path(str(files("pairreg.experiments")))


def groups() -> list[str]:
    """Return the names of the config groups."""
    return sorted(path.name for path in conf_folder().iterdir() if path.is_dir() and any(path.glob("*.yaml")))


def options(group: str) -> list[str]:
    """Return the names of the options of a config group, such as `options("similarity")`.

    Raises `InputError`, which lists the groups, if there is none of that name.
    """
    one_of("config group", group, groups())
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def variants(group: str) -> list[str]:
    """Return the names of what `experiments/` adds to a group: variants of its options, or presets and studies."""
    return sorted(path.stem for path in (experiments_folder() / group).glob("*.yaml"))


def unknown_option(group: str, given: str, known: Iterable[str]) -> str:
    """Return the sentence on what is no option of a group, with what could be meant; `known` are its options.

    `given` may be a term with a name of its own, such as `pet:nc`.
    """
    option = given.rpartition(":")[2]
    advice = _as_terms(group, given, known) if group in TERM_GROUPS else None
    if advice is None and (homes := groups_with(option)):
        advice = f"{option!r} is an option elsewhere: {' or '.join(f'{home}={option}' for home in homes)}."
    return validation.not_one_of(f"{group} option", option, known, advice)


def groups_with(option: str) -> list[str]:
    """Return the groups, also those of presets and studies, that have an option of this name."""
    files = [path for folder in (conf_folder(), experiments_folder()) for path in folder.glob("*/*.yaml")]
    return sorted({path.parent.name for path in files if path.stem == option})


def _as_terms(group: str, given: str, known: Iterable[str]) -> str | None:
    """Return how terms are chosen and weighted that are written as a formula, such as `ncc+0.5*mi` or `ncc:0.5`.

    Tables write several terms as a sum. None if a term is not known, if a variant, which has several weights, is given
    one, or if there is one term without a weight.
    """
    weights: dict[str, str] = {}
    terms = []
    for summand in given.split("+"):
        factors = re.split("[:*@]", summand)
        numbers = [factor for factor in factors if validation.is_number(factor)]
        terms.append(":".join(factor for factor in factors if factor not in numbers))
        weights |= {names.named_term(terms[-1])[0]: number for number in numbers}
    if not {names.named_term(term)[1] for term in terms} <= {*known} or {*weights} & {*variants(group)}:
        return None
    settings = [f"{group}.{term}.weight={weight}" for term, weight in weights.items()]
    if len(terms) > 1:
        choice = f"{group}=[{','.join(terms)}]"
        return f"several terms are a list: {' '.join([choice, *settings])}."
    return f"a weight is a setting: {settings[0]}." if settings else None


def not_chosen(group: str, key: str, chosen: Iterable[str] = ()) -> str | None:
    """Return a sentence on a setting for an option that is not chosen: which choice has it; None if none of ours has.

    `key` is a term, such as `jacobian` in `regularizer`, beside the options and variants that are `chosen`; or, in a
    group of one option, a setting such as `width` in `transform`.
    """
    if group in TERM_GROUPS:
        if key not in options(group):
            return None
        others = [term for term in chosen if term != "none"]
        choice = f"[{','.join([*others, key])}]" if others else key
        return f"{group}.{key} is not chosen; {group}={choice} chooses it."
    having = options_with(group, key)
    if not having:
        return None
    chooses = " or ".join(f"{group}={option}" for option in having)
    if len(having) == 1:
        return f"{group}.{key} is a setting of {having[0]}, which is not chosen; {chooses} chooses it."
    names = f"{', '.join(having[:-1])} and {having[-1]}"
    return f"{group}.{key} is a setting of {names}, which are not chosen; {chooses} chooses one."


def options_with(group: str, key: str) -> list[str]:
    """Return the options of a group that have a setting `key`."""
    return [option for option in options(group) if key in option_node(f"{group}/{option}")]


@functools.cache
def defaults() -> dict[str, Any]:
    """Return what `pairreg` chooses if nothing is asked for, from `conf/config.yaml`.

    It has the option of every group, and the `NUMERICS`.
    """
    config: Any = OmegaConf.to_container(OmegaConf.load(conf_folder() / "config.yaml"))
    chosen = {key: value for entry in config["defaults"] if isinstance(entry, dict) for key, value in entry.items()}
    return {group: chosen[group] for group in groups()} | {key: config[key] for key in NUMERICS}


@functools.cache  # a default of `register` is a variant, and Hydra takes 60 ms to compose one
def _variant(group: str, option: str) -> dict[str, Any]:
    from pairreg.composition import composed  # Hydra takes a third of a second to import

    return dict(composed([f"{group}={option}"])[group])


def option_node(name: str) -> dict[str, Any]:
    """Return the contents of an option file, or what a variant is composed to; `name` is `"group/option"`.

    A variant of several terms gives a node for each, by name.
    """
    group, _, option = name.partition("/")
    known = options(group)
    if option not in known and option in variants(group):
        return copy.deepcopy(_variant(group, option))
    if option not in known:
        raise InputError(unknown_option(group, option, [*known, *variants(group)]))
    node = OmegaConf.to_container(OmegaConf.load(conf_folder() / group / f"{option}.yaml"), resolve=True)
    assert isinstance(node, dict)
    return typing.cast(dict[str, Any], node[option] if group in TERM_GROUPS else node)


def build(name: str, /, **overrides: Any) -> Any:
    """Return the object that the option file `"group/option"` describes, such as `build("similarity/ncc", window=7)`.

    Variants in `experiments/`, such as `"transform/published_2d"`, are built likewise; one of several terms, such as
    `"similarity/published"`, gives a mapping from their names to objects, as `register` takes it.

    Raises `InputError` for an unknown option, an unknown key or a value of the wrong type or range.
    """
    group, _, option = name.partition("/")
    node = option_node(name)
    if "_target_" in node:
        return instantiate({**node, **overrides}, f"{group}.{option}")
    for term in overrides:
        one_of(f"{group}.{option}: term", term, node)
    return {term: instantiate({**one, **overrides.get(term, {})}, f"{group}.{term}") for term, one in node.items()}


def instantiate(node: Mapping[str, Any], where: str, trusted: Iterable[str] = ()) -> Any:
    """Call the `_target_` of `node` with its other keys; nodes within are instantiated first.

    `where` (such as `similarity.ncc`) begins with the group, and begins every message. What may be called: the targets
    of the option files of that group, within them schedules of Keras, and whatever lies in the modules `trusted`.

    A node of one of `pairreg.per_level.GROUPS` with settings that are lists although their type is not, such as a
    `window` of [5, 7, 9, 9], gives a `PerLevel` of objects.
    """
    lists = _level_lists(node, where, trusted)
    if not lists:
        return _call(*check_node(node, where, trusted), where=where)
    parts = []
    for number, level in enumerate(per_level.level_settings(node, lists, where), start=1):
        try:
            parts.append(_call(*check_node(level, where, trusted), where=where))
        except InputError as error:
            raise InputError(f"level {number}: {error}") from error
    per_level.check_constant(lists, getattr(parts[0], "constant", ()), where)
    return per_level.PerLevel(tuple(parts), tuple(f"{where}.{key}" for key in lists))


def _level_lists(node: Any, where: str, trusted: Iterable[str]) -> Mapping[str, Sequence[Any]]:
    if where.partition(".")[0] not in per_level.GROUPS or not isinstance(node, Mapping):
        return {}
    if not any(isinstance(value, list | tuple) for value in node.values()):  # without importing the class
        return {}
    return per_level.level_lists(node, constructor_hints(node.get("_target_", ""), where, trusted))


def _call(target: Any, arguments: dict[str, Any], where: str) -> Any:
    try:
        return target(**arguments)
    except SettingError as error:
        raise InputError(f"{where}: {error}") from None
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from error


def check_node(node: Mapping[str, Any], where: str, trusted: Iterable[str] = ()) -> tuple[Any, dict[str, Any]]:
    """Return the target of `node` and its checked arguments, not called yet (the nodes within are)."""
    return _check_node(node, where, tuple(trusted), targets(where.partition(".")[0]))


def _check_node(
    node: Any, where: str, trusted: tuple[str, ...], allowed: tuple[str, ...]
) -> tuple[Any, dict[str, Any]]:
    if not isinstance(node, Mapping):
        raise InputError(f"{where} should be an object with a _target_; it is {node!r}.")
    target = locate(node.get("_target_", ""), where, trusted, allowed)
    arguments = {
        key: _call(*_check_node(value, f"{where}.{key}", trusted, _SCHEDULES), where=f"{where}.{key}")
        if isinstance(value, dict) and "_target_" in value
        else python_number(value)
        for key, value in node.items()
        if key != "_target_"
    }
    check_arguments(target, arguments, where)
    return target, arguments


@functools.cache
def targets(group: str) -> tuple[str, ...]:
    """Return what the option files of a group call; nothing for what is no group."""
    files = sorted((conf_folder() / group).glob("*.yaml"))
    return tuple(dict.fromkeys(target for path in files for target in _TARGET.findall(path.read_text("utf-8"))))


def constructor_hints(target: str, where: str, trusted: Iterable[str]) -> Mapping[str, Any]:
    """Return the annotations of what `target` takes, with markers; none for Keras, whose import would take seconds.

    Raises `InputError` as `locate` does; `where` begins with the group.
    """
    if target.startswith("keras."):
        return {}
    return validation.constructor(locate(target, where, trusted, targets(where.partition(".")[0])))[1]


def locate(target: str, where: str, trusted: Iterable[str], allowed: Iterable[str]) -> Any:
    """Return the class or function with the dotted name `target`.

    Raises `InputError`, before anything is imported, unless it is one of `allowed` or lies in a module of `trusted`.
    """
    is_trusted = isinstance(target, str) and any(target.startswith(f"{module}.") for module in trusted)
    if not is_trusted and target not in allowed:
        mine = target.rpartition(".")[0] if isinstance(target, str) else ""
        is_ours = mine.startswith(("pairreg.", "keras."))
        advice = f"; if it is your own code, give trusted_modules=[{mine}]" if mine and not is_ours else ""
        raise InputError(f"{where}: _target_ {target!r} is outside the trusted modules and no option of ours{advice}.")
    module, _, name = target.rpartition(".")
    if target.startswith("keras."):
        configure()
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        advice = "; have PYTHONPATH name its folder" if isinstance(error, ModuleNotFoundError) and is_trusted else ""
        raise InputError(f"{where}: _target_ {target!r} cannot be imported ({error}){advice}.") from error
    if not callable(found):
        raise InputError(
            f"{where}: _target_ should be a class or a function; it is {target!r}, {type(found).__name__}."
        )
    return found

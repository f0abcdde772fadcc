"""`pairreg --from RUN_FOLDER`: a run again, from what its folder says of it."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from pairreg import option_files
from pairreg.errors import InputError
from pairreg.method.base import PROGRAMS
from pairreg.registration import PARTS
from pairreg.runs.identity import identity, used
from pairreg.runs.read import Run, readable
from pairreg.study.compose import FROM_RUN
from pairreg.trust import SETTING

OPTION = "--from"
_NAME = "config_from_run"
_SETTINGS = (*option_files.NUMERICS, "study", "output_dir")
_SCIENCE = ("pair", *PARTS, *option_files.TERM_GROUPS)
_PRESET = "preset"
log = logging.getLogger("pairreg")


def split(arguments: Sequence[str]) -> tuple[Run | None, list[str]]:
    """Return the run whose folder follows `--from`, if there is one, and the other arguments.

    Raises `InputError` if the folder is missing.
    """
    rest, folders = [], []
    words = iter(arguments)
    for word in words:
        if word == OPTION:
            folders.append(next(words, ""))
        elif word.startswith(f"{OPTION}="):
            folders.append(word.removeprefix(f"{OPTION}="))
        else:
            rest.append(word)
    if not folders:
        return None, rest
    if len(folders) > 1 or not folders[0]:
        raise InputError(f"{OPTION} should be followed by one run folder, such as runs/default/0123abcd.")
    return Run(Run.at(folders[0]).folder.resolve()), rest


def primary_config(run: Run) -> str:
    """Have Hydra know the config of `run`, and return the name under which it does.

    Each of its groups is an option that a command line, a preset or an ablation can replace like any other. Trusted
    modules are no part of it: a folder from somebody else must not choose which code runs.

    Raises `InputError` if its folder has no config of a run.
    """
    config, choices = _recorded(run)
    folder = run.folder
    science = [group for group in _SCIENCE if group in config]
    if "method" in config:
        config = {**config, "method": _without_programs(config["method"])}
    primary: Any = OmegaConf.to_container(OmegaConf.load(option_files.conf_folder() / "config.yaml"))
    names = {group: _store(group, config[group], choices) for group in science}
    tracking = choices.get("tracking", "")
    if tracking in option_files.options("tracking"):
        names["tracking"] = tracking
    if choices.get(_PRESET):
        names[_PRESET] = _store_preset(str(choices[_PRESET]))
    for entry in primary["defaults"]:
        if isinstance(entry, dict):
            entry |= {group: names[group] for group in entry if group in names}
    primary |= {key: config[key] for key in _SETTINGS if key in config}
    if folder.parent.name == config["study"]:  # it lies where it was made, or was moved with its study
        primary["output_dir"] = str(folder.parent.parent)
    primary["hydra"]["job"]["name"] = f"pairreg {OPTION} {shlex.quote(str(folder))}"
    ConfigStore.instance().store(name=_NAME, node=primary, provider="pairreg")
    return _NAME


def _recorded(run: Run) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Return the config and the choices in the folder of a run."""
    folder = run.folder
    run.check_asked_for()
    with readable(folder):
        config, choices = run.asked_config, dict(run.asked["choices"])
        needed = ["pair", "study", *sorted(used({**config, SETTING: []}) - set(option_files.NUMERICS))]
        missing = [key for key in needed if not config.get(key)]
    if missing:
        raise InputError(f"{folder} is not the folder of a run (its config lacks {missing[0]}); give another one.")
    return config, choices


def _without_programs(method: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a method without those that say which program runs: these are the user's to give."""
    return {key: PROGRAMS.get(key, value) for key, value in method.items()}


def _store(group: str, node: Any, choices: Mapping[str, str]) -> Any:
    """Store the options of a group as one, and return its name as a list of defaults needs it."""
    chosen = str(choices.get(group, group))
    # a pair is called by its case, terms by all their names: neither need be the name of an option, as others are
    is_name = group not in ("pair", *option_files.TERM_GROUPS) or chosen in _names(group)
    name = f"{chosen if is_name else group}{FROM_RUN}"
    ConfigStore.instance().store(group=group, name=name, node=node, provider="pairreg")
    return [name] if group in option_files.TERM_GROUPS else name


def _store_preset(chosen: str) -> str:
    """Store an option that chooses nothing, as the groups have all that the preset has chosen, and return its name.

    The run keeps the name of its preset so, by which studies and reports tell runs apart.
    """
    name = f"{chosen}{FROM_RUN}"
    group, _, option = f"{_PRESET}/{name}".rpartition("/")
    ConfigStore.instance().store(group=group, name=option, node={}, package="_global_", provider="pairreg")
    return name


def warn_of_changed_inputs(run: Run, overrides: Sequence[str]) -> None:
    """Warn of inputs whose content is not what `run` has seen, unless `overrides` name others."""
    try:
        now = {one.name: one for one in identity({**run.asked_config, SETTING: []})[1]}
    except InputError:  # one that is gone, or a module that nobody trusts yet: the check of the config says so
        return
    replaced = {override.partition("=")[0] for override in overrides}
    for name, digest in run.asked.get("inputs", {}).items():
        if name in now and now[name].digest != digest and not _beginnings(name) & replaced:
            log.warning(f"{now[name].path} has changed since {run.signature} was computed: this is another run.")


def _beginnings(name: str) -> set[str]:
    """Return the keys by which an override may replace an input: `initialization.path[0]` by three."""
    key = name.partition("[")[0]
    parts = key.split(".")
    return {name, *(".".join(parts[: i + 1]) for i in range(len(parts)))}


def _names(group: str) -> list[str]:
    return [*option_files.options(group), *option_files.variants(group)]

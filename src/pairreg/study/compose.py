"""The way from a config that Hydra composes to the specification of a run."""

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf

from pairreg import trust
from pairreg.composition import chosen_terms
from pairreg.errors import InputError
from pairreg.option_files import NUMERICS, OF_METHODS, TERM_GROUPS, not_chosen
from pairreg.runs.identity import option_name, used
from pairreg.runs.spec import RunSpec
from pairreg.trust import SETTING, trusted

FROM_RUN = "__of_run"  # ends the names of options that are those of an earlier run, see `pairreg.cli.from_run`
_ENVIRONMENT = ("PYTHONPATH", trust.ENV)  # without which a user's own classes are not found


def spec_of(composed: DictConfig, overrides: Sequence[str]) -> RunSpec:
    """Return the run that `composed`, which includes its `hydra` node, asks for; `overrides` led to it.

    Raises `InputError` for a setting of a term that is not chosen, which `+` has put into the config.
    """
    chosen = composed.hydra.runtime.choices
    plain = {str(key): _plain(composed, key) for key in composed if key != "hydra"}
    plain[SETTING] = trusted(plain.get(SETTING))
    for group in TERM_GROUPS:
        for name, node in (plain.get(group) or {}).items():
            is_added = isinstance(node, Mapping) and "_target_" not in node
            if is_added and (said := not_chosen(group, name, chosen_terms(composed, group))):
                raise InputError(said)
    named = {
        str(key): str(value).removesuffix(FROM_RUN)
        for key, value in chosen.items()
        if "hydra/" not in str(key) and value is not None
    }
    # A case or a name says more than the option `hdf5` or `files`.
    pair = plain.get("pair") or {}
    named["pair"] = str(pair.get("case") or pair.get("name") or named.get("pair"))
    terms = {
        group: "+".join(_term(group, key, node) for key, node in (plain.get(group) or {}).items())
        for group in TERM_GROUPS
    }
    # What the method does not use is no part of the run: no table or index should name it.
    unused = (OF_METHODS - used(plain)) - set(NUMERICS)
    config = {key: value for key, value in plain.items() if key not in unused}
    choices = {key: value for key, value in (named | terms).items() if key not in unused}
    return RunSpec(config, choices, tuple(overrides), _program(composed.hydra, overrides))


def _plain(config: DictConfig, key: Any) -> Any:
    """Return an entry of a config without references to other entries; a value that is missing stays `???`."""
    entry = MISSING if OmegaConf.is_missing(config, key) else config[key]
    return OmegaConf.to_container(entry, resolve=True) if OmegaConf.is_config(entry) else entry


def _term(group: str, key: str, node: Any) -> str:
    """Return a term as tables name it: `ncc`, or `pet:ncc` if it has a name of its own."""
    target = node.get("_target_") if isinstance(node, Mapping) else None
    option = option_name(group, target) if isinstance(target, str) else None
    return key if option in (key, None) else f"{key}:{option}"


def _program(hydra: DictConfig, overrides: Sequence[str]) -> str:
    """Return how the command began: variables of the environment, its name, and the user's folder of configs."""
    given = any(override.startswith(f"{SETTING}=") for override in overrides)
    needed = [name for name in _ENVIRONMENT if os.environ.get(name) and not (given and name == trust.ENV)]
    variables = [f"{name}={shlex.quote(os.environ[name])}" for name in needed]
    sources = [source.path for source in hydra.runtime.config_sources if source.provider == "command-line"]
    folders = [f"--config-dir {shlex.quote(path)}" for path in sources]
    return " ".join([*variables, hydra.job.name, *folders])

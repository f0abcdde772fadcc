"""From what Hydra composes to what a study runs."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from pairreg.option_files import TERM_GROUPS
from pairreg.runs.spec import RunSpec


def spec_of(composed: DictConfig, overrides: Sequence[str]) -> RunSpec:
    """The run that `composed`, which includes its `hydra` node, asks for; `overrides` led to it."""
    chosen = composed.hydra.runtime.choices
    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    plain: Any = OmegaConf.to_container(own, resolve=True)
    named = {str(key): str(value) for key, value in chosen.items() if "hydra/" not in str(key) and value is not None}
    # A case or a name says more than the option `hdf5` or `files`.
    named["pair"] = str(plain["pair"].get("case") or plain["pair"].get("name") or named["pair"])
    terms = {group: "+".join(plain[group]) for group in TERM_GROUPS}
    return RunSpec(plain, named | terms, tuple(overrides))

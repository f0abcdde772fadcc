"""Hydra's and OmegaConf's errors, said in one sentence."""

import re

from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from pairreg import menu
from pairreg.errors import InputError


def sentence(error: Exception) -> str:
    """What is wrong and what could be meant."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return unknown_key(cause)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    missing = re.search(r"Could not find '([^']+)/([^'/]+)'", str(error))
    if missing:
        group, option = missing.groups()
        heading = next((k for k, line in enumerate(lines) if line.startswith("Available options")), len(lines))
        return one_of_sentence(f"{group} option", option, [line for line in lines[heading + 1 :] if ":" not in line])
    return " ".join(lines)


def unknown_key(error: OmegaConfBaseException) -> str:
    """A key that the composed config does not have, and those beside it that it has."""
    parent = error.parent_node
    known = [str(key) for key in parent if key != "_target_"] if parent is not None else []
    where = str(error.full_key).rpartition(".")[0]
    return one_of_sentence(f"{where}: key" if where else "key", str(error.key), known)


def one_of_sentence(what: str, value: str, choices: list[str]) -> str:
    try:
        menu.one_of(what, value, choices)
    except InputError as complaint:
        return str(complaint)
    return f"{what} {value!r} cannot be used here."

"""Hydra's and OmegaConf's errors, said in one sentence."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

from hydra.errors import OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from pairreg import option_files, validation
from pairreg.cli.text_overrides import quoted
from pairreg.errors import InputError


def sentence(error: Exception) -> str:
    """What is wrong and what could be meant."""
    if isinstance(error, OverrideParseException):
        return unreadable(error.override)
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return unknown_key(cause)
    missing = re.search(r"Could not (?:find|load) '(?:.*/)?([^'/]+)/([^'/]+)'", str(error))
    if missing:
        group, option = missing.groups()
        return one_of_sentence(f"{group} option", option, known_options(str(error), group))
    return " ".join(str(error).split())


def unreadable(override: str) -> str:
    """An argument that Hydra cannot read, and how a shell needs it if its value is text."""
    key, is_setting, value = override.partition("=")
    if not is_setting:
        return f"argument {override!r} cannot be read; give GROUP=OPTION or KEY=VALUE."
    needed = shlex.quote(f"{key}={quoted(value)}")
    return f"argument {override!r} cannot be read; if its value is text, quote it: {needed}."


def known_options(message: str, group: str) -> list[str]:
    """As Hydra lists them (with those of a `--config-dir`), if it does; otherwise our own."""
    listed = re.search(r"Available options in '[^']+':\n((?:\t.*\n?)+)", message)
    if listed:
        return listed[1].split()
    folder = Path(str(files("pairreg.experiments"))) / group
    return sorted(path.stem for path in folder.glob("*.yaml")) or option_files.options(group)


def unknown_key(error: OmegaConfBaseException) -> str:
    """A key that the composed config does not have, and those beside it that it has."""
    parent = error.parent_node
    known = [str(key) for key in parent if key != "_target_"] if parent is not None else []
    where = str(error.full_key).rpartition(".")[0]
    return one_of_sentence(f"{where}: key" if where else "key", str(error.key), known)


def one_of_sentence(what: str, value: str, choices: list[str]) -> str:
    try:
        validation.one_of(what, value, choices)
    except InputError as complaint:
        return str(complaint)
    return f"{what} {value!r} cannot be used here."

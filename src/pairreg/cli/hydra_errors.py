"""Errors of Hydra and OmegaConf, put in one sentence."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from pairreg import option_files
from pairreg.cli.settings_by_name import as_option, example, names, of_others, takes_a_list, within_chosen
from pairreg.composition import chosen_terms, quoted
from pairreg.errors import InputError
from pairreg.files import is_there
from pairreg.study.compose import FROM_RUN
from pairreg.validation import not_one_of

# Hydra's and Python's ValueError for transform=null, for two options and for thousands of digits, and what we say
_VALUES = {
    "Config group override must be a string or a list": "A group is set to something that is no option, such as null; "
    "give GROUP=OPTION, or leave it out.",
    "can be specified": "Only one of --run, --multirun, --cfg, --info and --shell-completion can be given.",
    "for integer string conversion": "A whole number has more digits than can be read; give a smaller one.",
}


@contextmanager
def as_input_errors() -> Iterator[None]:
    """Raise what Hydra and OmegaConf complain about in the block as `InputError`, in one sentence."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(_sentence(error)) from error
    except YAMLError as error:
        raise InputError(f"A config cannot be read: {' '.join(str(error).split())}.") from error
    except RecursionError:
        raise InputError("An argument or a config has too many levels; a config has fewer than 50.") from None
    except ValueError as error:
        said = next((ours for theirs, ours in _VALUES.items() if theirs in str(error)), None)
        if said is None:
            raise
        raise InputError(said) from error


def _sentence(error: Exception) -> str:
    """Return what is wrong and what could be meant."""
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override)
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return _unknown_key(cause)
    missing = re.search(r"Could not (?:find|load) '(?:.*/)?([^'/]+)/([^'/]+)'", str(error))
    if missing:
        group, option = missing.groups()
        known = _known_options(str(error), group)
        what, name = f"{group} option", option.rpartition(":")[2]  # of a term with a name of its own
        return _not_among(what, name, known) or option_files.unknown_option(group, option, known)
    said = " ".join(str(error).split())
    several = re.match(r"Ambiguous value for argument '([^=]+)=(.*?)' 1\. ", said)
    if several:
        key, values = several.groups()
        or_list = f", or give {key}=[{values}] for one list" if takes_a_list(key) else ""
        return f"{key} has several values; add -m for a run with each of them{or_list}."
    return said if cause is error else f"{said}: {str(cause).splitlines()[0].rstrip('.')}."


def _unreadable(override: str) -> str:
    """Return a sentence on an argument that Hydra cannot read: what it should look like, and how a shell needs it."""
    if override.startswith("--") and (said := as_option(override, ())):  # argparse takes one with a blank for none
        return said
    key, is_setting, value = override.partition("=")
    if not is_setting and is_there(override):
        return f"argument {override!r} is a file; images are given as pair=files pair.fixed=FILE pair.moving=FILE."
    if not is_setting and (given := example(key)):
        return f"{key} needs a value, such as {given}."
    if not is_setting:
        homes = [f"{group}={key}" for group in option_files.groups_with(key)]
        return f"argument {override!r} cannot be read; give {' or '.join(homes) or 'GROUP=OPTION or KEY=VALUE'}."
    if value.startswith(("[", "{")) and not value.endswith(("]", "}")):
        return f"argument {override!r} ends within its brackets; leave out blanks, or put it into quotes of the shell."
    needed = shlex.quote(f"{key}={quoted(value)}")
    return f"argument {override!r} cannot be read; if its value is text, quote it: {needed}."


def _known_options(message: str, group: str) -> list[str]:
    """Return the options of a group as Hydra lists them (with those of a `--config-dir`), or else our own."""
    listed = re.search(r"Available options in '[^']+':\n((?:\t.*\n?)+)", message)
    if listed:
        return [name for name in listed[1].split() if not name.endswith(FROM_RUN)]
    own = option_files.options(group) if group in option_files.groups() else []
    return sorted([*own, *option_files.variants(group)])


def _unknown_key(error: OmegaConfBaseException) -> str:
    """Return a sentence about a key that the composed config does not have, with those beside it that it has."""
    parent: Any = error.parent_node
    where, key = str(error.full_key).rpartition(".")[0], str(error.key)
    beside = [str(key) for key in parent if not str(key).startswith("_")] if parent is not None else []
    known = beside if where else names()
    what, said = f"{where}: key" if where else "key", None
    if where in option_files.groups():
        chosen = chosen_terms(parent._get_root(), where) if where in option_files.TERM_GROUPS else ()
        said = option_files.not_chosen(where, key, chosen)
    if said is None and (full := within_chosen(parent._get_root(), where, key)):
        said = f"key {str(error.full_key)!r} does not say whose it is; give {' or '.join(full)}."
    if said is None and not where and (full := of_others(key)):
        said = f"key {key!r} is a setting of what is not chosen; give {' or '.join(full)}."
    return said or _not_among(what, key, known) or not_one_of(what, key, known)


def _not_among(what: str, value: str, choices: list[str]) -> str | None:
    """Return a sentence where there are no choices at all, or where the value is one of them; None elsewhere."""
    if not choices:
        return f"{what} {value!r} does not exist here."
    return f"{what} {value!r} cannot be used here." if value in choices else None

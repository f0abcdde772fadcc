"""The modules whose code may run because a config names it.

Who starts a command names them: `trusted_modules=[…]` on the command line, or the environment variable
`PAIRREG_TRUSTED_MODULES` (names with commas between them). A file cannot, as files are passed on: an option file, a
preset, a study or a run folder that names a module is refused.
"""

import os
import re
from collections.abc import Iterable

from pairreg.errors import InputError

ENV = "PAIRREG_TRUSTED_MODULES"
SETTING = "trusted_modules"
_ARGUMENT = re.compile(rf"\+{{0,2}}{SETTING}=(.*)", re.DOTALL)


def trust_arguments(arguments: Iterable[str]) -> None:
    """Let this process, and those that it starts, trust the modules that the command line names."""
    matches = (_ARGUMENT.fullmatch(argument) for argument in arguments)
    named = [name for match in matches if match for name in re.findall(r"[\w.]+", match[1])]
    os.environ[ENV] = ",".join(dict.fromkeys([*_granted(), *named]))


def trusted(named: object) -> list[str]:
    """Return the modules that are trusted if a config names these; raises `InputError` if it may not name one."""
    asked = named if isinstance(named, list | tuple) else []  # the check of the config refuses other types
    foreign = [module for module in asked if module not in _granted()]
    if foreign:
        raise InputError(
            f"{SETTING} names {foreign[0]!r} in a file; only the command line ({SETTING}=[{foreign[0]}]) or the "
            f"environment ({ENV}) may say whose code runs."
        )
    return list(dict.fromkeys([*asked, *_granted()]))


def _granted() -> list[str]:
    return [name.strip() for name in os.environ.get(ENV, "").split(",") if name.strip()]

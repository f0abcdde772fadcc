"""Arguments whose value is text, such as a path or the name of a case, in the quotes that Hydra needs.

Without them Hydra reads `pair.case=12_1` as 121, `3e2` as 300.0, and a path with a blank, `=` or `~` not at all.
"""

import re
import shlex
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString
from hydra.errors import HydraException

from pairreg.composition import quoted
from pairreg.errors import InputError
from pairreg.files import expanded, is_there
from pairreg.pair.parts import IMAGES, POINTS

WHOLE = ("study", "output_dir")  # never several values: with `-m` those are refused
NAMES = (*WHOLE, "pair.case")  # `null` is a name here, elsewhere it means none
METHODS = ("method.path", "method.command", "method.result", "method.python", "initialization.path")
DATA_SETS = ("pair.file", "pair.dataset", "pair.split", "pair.root", "pair.mask")
OF_PAIRS = ("pair.name", *(f"pair.{part}" for part in (*IMAGES, *POINTS)))
TEXT = (*NAMES, *DATA_SETS, *OF_PAIRS, *METHODS, "tracking.uri")
TEXT_BELOW = ("pair.channels.", "pair.fixed_channels.", "pair.label_names.")
OVERRIDE = re.compile(r"(\+{0,2}([\w.]+)=)(.+)", re.DOTALL)
OF_MAPPING = re.compile(r"[\w-]+:(?!//)")  # begins an entry, and no address
FUNCTION = re.compile(r"(choice|range|interval|glob|shuffle|sort|tag|str|int|float|bool)\(.*\)", re.DOTALL)
CONFIG_DIR = ("--config-dir", "-cd")
WITH_VALUE = {*CONFIG_DIR, "--config-path", "-cp", "--config-name", "-cn", "--cfg", "-c", "--package", "-p"}
WITH_VALUE |= {"--experimental-rerun"}
WITH_WORD = ("--info", "-i")  # perhaps


def with_text_quoted(arguments: list[str]) -> list[str]:
    """The arguments of the command line as Hydra is to see them; raises `InputError` for one that is no text.

    Options such as `-m` come last: Hydra's parser takes overrides on one side of them only.
    """
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise InputError(
                f"argument {argument!r} is no text in UTF-8; rename the file, or set LANG to its encoding."
            )
    _check_braces(arguments)
    overrides, options = [], []
    is_sweep = bool({"-m", "--multirun"} & set(arguments))
    for before, argument in zip(["", *arguments], arguments, strict=False):
        is_word = before in WITH_WORD and "=" not in argument
        if argument.startswith("-") or before in WITH_VALUE or is_word:
            options.append(_config_dir(before, argument))
        else:
            overrides.append(_override(argument, is_sweep))
    return [*overrides, *options]


def _check_braces(arguments: Sequence[str]) -> None:
    """Raise `InputError` for a mapping that a shell took apart: of `KEY={1:a,2:b}` it makes `KEY=1:a KEY=2:b`."""
    for key, given in groupby(arguments, lambda argument: argument.partition("=")[0]):
        pieces = [argument.partition("=")[2] for argument in given]
        if "." in key and len(pieces) > 1 and all(map(OF_MAPPING.match, pieces)):
            needed = shlex.quote(f"{key}={{{','.join(pieces)}}}")
            raise InputError(f"{key} is given {len(pieces)} times, as a shell leaves braces; quote it: {needed}.")


def as_typed(override: str) -> str:
    """An override as Hydra has it, as the command line takes it: text without Hydra's quotes and backslashes."""
    match = OVERRIDE.fullmatch(override)
    if match is None or not _is_text(match[2]):
        return override
    read = OverridesParser.create().parse_override(f"key={match[3]}").value()
    value = read.text if isinstance(read, QuotedString) else read
    return f"{match[1]}{value}" if isinstance(value, str) and "," not in value else override


def _config_dir(before: str, argument: str) -> str:
    """An option or its value, with the home folder in place of `~` if it is that of `--config-dir`."""
    option, is_joined, folder = argument.partition("=")
    if option in CONFIG_DIR and is_joined:
        return f"{option}={expanded(folder)}"
    return str(expanded(argument)) if before in CONFIG_DIR else argument


def _override(argument: str, is_sweep: bool) -> str:
    match = OVERRIDE.fullmatch(argument)
    if match is None or not _is_text(match[2]):
        return argument
    head, key, value = match.groups()
    if FUNCTION.fullmatch(value) or "${" in value or _is_as_meant(key, value):  # Hydra's own language, or plain
        return argument
    if key in METHODS and _is_list(value):
        return argument
    is_one = (key in WHOLE and not is_sweep) or key == "method.command" or ("," in value and is_there(value))
    if not is_one and _are_quoted(value):
        return argument
    parts = [value] if is_one else value.split(",")
    return head + ",".join(part if _is_as_meant(key, part) else quoted(part.strip()) for part in parts)


def _is_text(key: str) -> bool:
    return key in TEXT or key.startswith(TEXT_BELOW)


def _is_list(value: str) -> bool:
    """Whether Hydra reads a value as a list, or as several: of the files of one transform."""
    read = _read(value)
    return isinstance(read, list) or (isinstance(read, ChoiceSweep) and any(isinstance(one, list) for one in read.list))


def _are_quoted(value: str) -> bool:
    """Whether Hydra reads a value as several, each in quotes of its own, which may hold commas."""
    read = _read(value)
    return isinstance(read, ChoiceSweep) and all(isinstance(one, QuotedString) for one in read.list)


def _is_as_meant(key: str, part: str) -> bool:
    """Whether Hydra reads a value as it stands: as the same text, in quotes that are there already, or as none."""
    if part.strip() == "null":
        return key not in NAMES
    read = _read(part)
    return read == part.strip() or (isinstance(read, str) and part.strip()[:1] in ("'", '"'))


def _read(value: str) -> Any:
    """What Hydra reads a value as; None if it cannot."""
    try:
        return OverridesParser.create().parse_override(f"key={value}").value()
    except HydraException:
        return None

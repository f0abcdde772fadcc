"""The command line as Hydra wants it."""

from collections.abc import Sequence
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from pairreg.errors import InputError


def arranged(arguments: Sequence[str]) -> list[str]:
    """Hydra's own options (such as `-m` and `--config-dir`) first, then the settings, in their order.

    Hydra refuses settings behind an option, and explains that in eight lines. Raises `InputError` for an option that
    does not exist or lacks its value.
    """
    parser = get_args_parser()

    def error(message: str) -> NoReturn:
        raise InputError(f"{message}; pairreg --hydra-help lists the options.")

    parser.error = error  # type: ignore[method-assign]
    settings = parser.parse_intermixed_args(arguments).overrides
    options = list(arguments)
    for setting in settings:
        options.remove(setting)
    return [*options, *settings]

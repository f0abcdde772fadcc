"""The options of the command line that Hydra has."""

from collections.abc import Sequence
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from pairreg.errors import InputError


def check_options(arguments: Sequence[str]) -> None:
    """Raise `InputError` for an option that does not exist or lacks its value: Hydra explains that in eight lines."""
    parser = get_args_parser()

    def error(message: str) -> NoReturn:
        raise InputError(f"{message}; pairreg --hydra-help lists the options.")

    parser.error = error  # type: ignore[method-assign]
    parser.parse_intermixed_args(arguments)

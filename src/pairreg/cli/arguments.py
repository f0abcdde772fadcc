"""The options of the command line that Hydra has."""

from argparse import Namespace
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from pairreg.cli.settings_by_name import as_option
from pairreg.errors import InputError

_REFUSED = {
    "experimental_rerun": "it runs what a pickle says; use --from RUN_FOLDER",
    "config_name": "use --from RUN_FOLDER for the config of a run, or --config-dir FOLDER for options of your own",
    "config_path": "use --config-dir FOLDER for options of your own",
    "hydra_help": "use --help",
}


def checked_options(arguments: Sequence[str]) -> Namespace:
    """Return the options that are given; `--version` prints ours and ends the process.

    Raises `InputError` for one that does not exist or lacks its value: Hydra explains that in eight lines.
    """
    parser = get_args_parser()

    def error(message: str) -> NoReturn:
        unknown = next((one for one in arguments if message.startswith(f"unrecognized arguments: {one}")), "")
        raise InputError(as_option(unknown, arguments) or f"{message}; pairreg --help lists the options.")

    parser.error = error  # type: ignore[method-assign]
    # Hydra's --version says which Hydra it is.
    parser._option_string_actions["--version"].version = f"pairreg {version('pairreg')}"  # type: ignore[attr-defined]
    given = parser.parse_intermixed_args(arguments)
    for name, advice in _REFUSED.items():
        if getattr(given, name) not in (None, False):
            raise InputError(f"--{name.replace('_', '-')} is not supported; {advice}.")
    for override in given.overrides:
        if override.lstrip("+~").startswith("hydra.searchpath"):
            raise InputError("hydra.searchpath is not supported; use --config-dir FOLDER for options of your own.")
    return given

"""The command `pairreg-options`, which says what options there are and what they take."""

import argparse
import re
from collections.abc import Mapping

from pairreg.cli.common import Parser, run
from pairreg.cli.option_list import LEGEND, print_options
from pairreg.cli.option_text import print_option
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.files import expanded
from pairreg.reference.options import Group, Option, groups
from pairreg.reference.page import page
from pairreg.trust import SETTING, trust_arguments, trusted
from pairreg.validation import one_of

_BETWEEN = re.compile(r"[/=]")  # similarity/ncc, or as it is chosen: similarity=ncc


def main() -> None:
    """Run the command `pairreg-options`."""
    parser = Parser(
        prog="pairreg-options",
        description="Print the options of pairreg: all of them a line each, or those named with their settings.",
    )
    parser.add_argument(
        "names",
        metavar="GROUP[/OPTION]",
        nargs="*",
        help="a group: its options with their settings; an option: everything on it. With trusted_modules=[MODULE] "
        "your own code says what its settings may be",
    )
    folder = "a folder with options of your own, as of pairreg"
    parser.add_argument("--config-dir", "-cd", metavar="FOLDER", help=folder)
    parser.add_argument("--markdown", action="store_true", help="print a page of all of it, such as conf/OPTIONS.md")
    run(parser, _options)


def _options(arguments: argparse.Namespace) -> None:
    trust_arguments(arguments.names)
    modules = trusted([])
    found = groups(None if arguments.config_dir is None else expanded(arguments.config_dir))
    chosen = [_chosen(name, found) for name in arguments.names if not name.startswith(f"{SETTING}=")]
    if arguments.markdown:
        print(page([group for group, _ in chosen] or found.values(), modules), end="")
        return
    terminal = console()
    for group, option in chosen:
        for one in [option] if option else group.options:
            print_option(terminal, group, one, modules, whole=option is not None)
    if not chosen:
        print_options(terminal, found)
        terminal.print(f"{LEGEND}. `pairreg-options GROUP` prints the settings of a group's options.", highlight=False)


def _chosen(name: str, found: Mapping[str, Group]) -> tuple[Group, Option | None]:
    """Return a group, and its option if one is named; raises `InputError` for one that does not exist."""
    group_name, *option_name = _BETWEEN.split(name, maxsplit=1)
    homes = [group for group in found.values() if any(option.name == name for option in group.options)]
    if homes and name not in found:
        full = " or ".join(f"{group.name}/{name}" for group in homes)
        raise InputError(f"{name} is an option, not a group; give {full}.")
    group = found[one_of("config group", group_name, found)]
    return group, group.option(option_name[0]) if option_name else None


if __name__ == "__main__":
    main()

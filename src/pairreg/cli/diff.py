"""The command `pairreg-diff`, which says what differs between two runs."""

import argparse
from pathlib import Path

from pairreg.cli.common import Parser, run
from pairreg.errors import InputError

DIFFERENT = 1  # exit code, as that of diff


def main() -> None:
    """Run the command `pairreg-diff`; exit code 0, 1 or 2 as that of diff."""
    parser = Parser(
        prog="pairreg-diff",
        description="Print what differs between two runs: settings, inputs, code, versions, machine and results. "
        "Exit code 0: their deformations are the same, byte for byte; 1: they differ; 2: they cannot be compared.",
    )
    for name in ("first", "second"):
        parser.add_argument(name, metavar="RUN_FOLDER", type=Path)
    parser.add_argument("--labels", action="store_true", help="also the metrics of every label")
    run(parser, _diff)


def _diff(arguments: argparse.Namespace) -> None:
    from pairreg.cli.shown_difference import ShownDifference
    from pairreg.console import console
    from pairreg.runs.difference import Difference
    from pairreg.runs.read import Run

    first, second = (Run.begun(folder) for folder in (arguments.first, arguments.second))
    shown = ShownDifference(console(), Difference(first, second))
    shown.what_was_asked()
    for one in (first, second):
        if not one.is_complete:
            raise InputError(f"{one.folder} {one.unfinished}, so there is no result to compare; run it again.")
    shown.where_it_was_computed()
    shown.metrics(arguments.labels)
    if not shown.deformation():
        raise SystemExit(DIFFERENT)


if __name__ == "__main__":
    main()

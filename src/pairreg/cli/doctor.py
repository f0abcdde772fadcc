"""The command `pairreg-doctor`, which tries what pairreg needs and can use on this machine."""

import argparse
from typing import TYPE_CHECKING

from pairreg.cli.common import FAILED, Parser, run

if TYPE_CHECKING:
    from pairreg.cli.doctor_checks import Finding


def main() -> None:
    """Run the command `pairreg-doctor`; exit code 0 if all that is needed works, else 1."""
    parser = Parser(
        prog="pairreg-doctor",
        description="Try what pairreg needs and can use on this machine, and print a line each: what was found, and "
        "what to do. Exit code 0: all that is needed works; 1: something does not.",
    )
    where = "where runs are to be kept, as output_dir of pairreg (default: runs)"
    parser.add_argument("--output-dir", metavar="FOLDER", default="runs", help=where)
    parser.add_argument("--json", action="store_true", help="print the lines as JSON")
    run(parser, _doctor)


def _doctor(arguments: argparse.Namespace) -> None:
    from pairreg import plain_json
    from pairreg.cli.doctor_checks import examine
    from pairreg.files import expanded

    findings = examine(expanded(arguments.output_dir))
    if arguments.json:
        print(plain_json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    if any(finding.status == "fail" for finding in findings):
        raise SystemExit(FAILED)


def _print(findings: "list[Finding]") -> None:
    from rich.table import Table
    from rich.text import Text

    from pairreg.console import console

    colours = {"ok": "green", "none": "dim", "warn": "yellow", "fail": "bold red"}
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        said = Text(finding.found)
        if finding.advice:
            said.append(f"; {finding.advice}", "bold")
        table.add_row(Text(finding.status, colours[finding.status]), Text(finding.check), said)
    console().print(table)


if __name__ == "__main__":
    main()

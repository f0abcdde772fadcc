"""The command `pairreg-report STUDY`, which writes the table, the figures and the page of a study."""

import argparse
import os
from pathlib import Path

from pairreg.cli.common import Parser, run
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.files import expanded, folder_to_be
from pairreg.runs.folder import run_folders


def main() -> None:
    """Run the command `pairreg-report`; exit code 0, or 2 if there is nothing to report on."""
    parser = Parser(
        prog="pairreg-report",
        description="Compare the runs of a study: STUDY/report/index.html, tables and figures. "
        "Several studies become one report, over the pairs that all settings have.",
    )
    parser.add_argument("studies", metavar="STUDY", nargs="+", help="name of a study, or its folder")
    parser.add_argument("-o", metavar="FOLDER", dest="output", type=Path, help="of the report of several studies")
    parser.add_argument("--output-dir", type=Path, default=Path("runs"), help="folder of the studies (default: runs)")
    parser.add_argument(
        "--reference",
        metavar="AXIS=VALUE,...",
        help="setting that the others are tested against, such as similarity=pcc,regularizer=diffusion "
        "(default: the one of the best mean rank)",
    )
    parser.add_argument(
        "--view",
        action="store_true",
        help="also a page for each pair that the report shows, as of pairreg-view, under the best setting (up to 3 MB)",
    )
    parser.add_argument(
        "--show",
        metavar="AXIS=VALUE,...",
        action="append",
        default=[],
        help="settings that the figures of a large study also show, beside the best ones; may be repeated",
    )
    parser.add_argument(
        "--show-pair",
        metavar="NAME",
        action="append",
        default=[],
        help="pair that the figures of a large study also show; may be repeated",
    )
    parser.add_argument(
        "--log-mlflow",
        action="store_true",
        help="also add the report and the runs that it lacks to MLflow (default: OUTPUT_DIR/mlflow.db)",
    )
    run(parser, _report)


def _report(options: argparse.Namespace) -> None:
    from pairreg.report.ranking import rank_study
    from pairreg.report.shown import shown
    from pairreg.report.study_runs import read_study, together
    from pairreg.report.tables import summary, terminal_table
    from pairreg.report.write import REPORT, report_to_be, write

    folders = [find(study, options.output_dir) for study in options.studies]
    if len(folders) > 1 and options.output is None:
        raise InputError("a report of several studies needs a folder of its own; give -o FOLDER.")
    if len(folders) > 1 and options.log_mlflow:
        raise InputError("--log-mlflow adds the report of one study; leave out the others.")
    place = folder_to_be(folders[0], written=True) / REPORT if options.output is None else report_to_be(options.output)
    study = read_study(folders[0]) if len(folders) == 1 else together(folders, place)
    ranking = rank_study(study, options.reference)
    page = write(study, ranking, shown(ranking, options.show, options.show_pair), place, views=options.view)
    terminal = console()
    terminal.print(terminal_table(ranking))
    terminal.print(f"report: {page}", soft_wrap=True, highlight=False)
    if options.log_mlflow:
        from pairreg.tracking.rebuild import log_to_mlflow

        terminal.print(log_to_mlflow(folders[0], page.parent, summary(ranking)), soft_wrap=True, highlight=False)


def find(study: str, output_dir: Path) -> Path:
    """Return the folder of a study, by its name or path; raises `InputError` that names those that exist."""
    output_dir = expanded(output_dir)
    places = dict.fromkeys((output_dir / study, expanded(study)))
    for folder in places:
        if os.path.isdir(folder):  # False for a name that is too long, where Path raises
            return folder
    found = sorted(path.name for path in output_dir.glob("*") if run_folders(path))
    sought = " or ".join(repr(str(place)) for place in places)
    has = ", ".join(found) or "none"
    raise InputError(f"there is no study {study!r}, which would be the folder {sought}; {output_dir} has {has}.")


if __name__ == "__main__":
    main()

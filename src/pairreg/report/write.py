"""The report of a study, a folder beside its runs."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pairreg.errors import InputError
from pairreg.files import folder_to_be, replace_folder
from pairreg.locks import passing_lock
from pairreg.report.figures import FIGURES
from pairreg.report.ranking import Ranking, rank_study
from pairreg.report.shown import Shown, shown
from pairreg.report.study_runs import StudyRuns, read_study
from pairreg.runs.comparison import SEARCH_LOG

if TYPE_CHECKING:
    from pairreg.report.charts.search import SearchFigures

REPORT = "report"
PAGE, _TABLE = "index.html", "table.csv"


class Report(NamedTuple):
    """The report of a study: its `page`, and the `ranking` that it shows."""

    page: Path
    ranking: Ranking


def write_report(study_folder: Path, reference: str | None = None) -> Report:
    """Write `report/` with `index.html`, `table.csv`, `table.tex` and `figures/`.

    An earlier report is replaced once the new one is complete, which keeps its figures for a paper. `reference`: the
    setting to test against, as in `similarity=pcc,regularizer=diffusion`; by default the one of the best mean rank.

    Raises `InputError` if no run is complete, a run folder cannot be read, or `reference` is not one setting.
    """
    study = read_study(study_folder)
    ranking = rank_study(study, reference)
    return Report(write(study, ranking, shown(ranking), study_folder / REPORT), ranking)


def report_to_be(folder: Path) -> Path:
    """Return a folder that a report may take the place of, with a name of its own, which `.` and `..` are not.

    Raises `InputError` for one that holds anything else, or in which the command was called: as a new folder comes in
    its place, the shell would be left in one that is gone.
    """
    folder = folder_to_be(folder, written=True)
    folder = folder.resolve() if folder.name in ("", "..") else folder
    if Path.cwd().is_relative_to(folder.resolve()):
        raise InputError(f"{folder} is the working folder, or above it, and would be replaced; give another folder.")
    if folder.exists() and any(folder.iterdir()) and not all((folder / name).is_file() for name in (PAGE, _TABLE)):
        raise InputError(f"{folder} is there already, and is no report; give another folder.")
    return folder


def write(study: StudyRuns, ranking: Ranking, chosen: Shown, final: Path, views: bool = False) -> Path:
    """Write the report of a ranking into the folder `final`; return the path of the page. See `write_report`.

    `views`: also a page for each pair that is shown, to look through it slice by slice.
    """
    from pairreg.report.charts.draw import draw
    from pairreg.report.charts.drawing import Figure
    from pairreg.report.page import page
    from pairreg.report.published import beside, write_published
    from pairreg.report.study_file import study_file
    from pairreg.report.tables import write_csv, write_tex
    from pairreg.report.views import write_views

    part = final.with_name(f".{final.name}.part")
    final.parent.mkdir(parents=True, exist_ok=True)
    with passing_lock(final.with_name(f".{final.name}.lock")):  # two commands of a study may end at once
        shutil.rmtree(part, ignore_errors=True)  # of a command that was killed
        part.mkdir()
        try:
            panels, charts = draw(study, ranking, chosen, part / "figures", final / "figures")
            searches = _searches(study.folder, part / "figures")
            kept = [path for layout in FIGURES for path in sorted((final / "figures").glob(f"{layout}*"))]
            copies = [Path(shutil.copy2(path, part / "figures")) for path in kept]
            papers = [
                Figure(path, path.stem.replace("_", " ").capitalize(), "") for path in copies if path.suffix == ".png"
            ]
            write_csv(ranking, part / _TABLE)
            write_tex(ranking, part / "table.tex")
            others = beside(ranking, study_file(study.runs))
            if others is not None:
                write_published(others, part / "published.csv")
            viewed = write_views(ranking, chosen.pairs, part / "views") if views else {}
            text = page(study, ranking, chosen, others, papers, panels, charts, searches, viewed)
            (part / PAGE).write_text(text, encoding="utf-8")
            # Only now, with everything written, does the new report take the place of the old one.
            replace_folder(part, final)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return final / PAGE


def _searches(study_folder: Path, folder: Path) -> "list[SearchFigures]":
    """Draw the searches of a study; Optuna, which takes a second to import, is imported only if there are any."""
    if not (study_folder / SEARCH_LOG).exists():
        return []
    from pairreg.report.charts.search import draw_search
    from pairreg.runs.search_log import read_searches

    return [draw_search(search, folder, f"search_{i:02d}") for i, search in enumerate(read_searches(study_folder), 1)]

"""The figure at the end of a command."""

from collections.abc import Sequence
from pathlib import Path

from pairreg.errors import InputError
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.read import Run
from pairreg.runs.spec import RunSpec
from pairreg.study.table import varying


def figure_of_command(layout: str, rows: Sequence[tuple[RunSpec, RunOutcome]], study_folder: Path) -> list[Path]:
    """Draw `layout` from the runs of `rows`, in their order, into the study's report; return the paths of the PNGs.

    Raises `InputError` that names what is missing unless all of them are complete and can be read.
    """
    varied = varying([spec for spec, _ in rows])
    names = [", ".join(f"{name} {column[i]}" for name, column in varied.items()) for i in range(len(rows))]
    missing = [name for name, (_, outcome) in zip(names, rows, strict=True) if outcome.error]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        what = f"{len(missing)} of {len(rows)} runs {are} missing ({'; '.join(missing)})"
        raise InputError(f"figure {layout} is not drawn: {what}.")
    from pairreg.report.figures.draw import draw_figure, prepare_figure
    from pairreg.report.write import REPORT

    runs = [Run.complete(spec.folder) for spec, _ in rows]
    prepare_figure(layout, runs)
    return draw_figure(layout, runs, study_folder / REPORT / "figures")

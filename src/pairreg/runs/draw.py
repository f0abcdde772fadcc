"""The figures of one run."""

from pathlib import Path
from typing import Any

from pairreg.figures.curves import curves
from pairreg.figures.grid import grid
from pairreg.figures.overview import overview
from pairreg.figures.views import informative_slices
from pairreg.optimization.history import History
from pairreg.runs.figure_arrays import FigureArrays


def draw(arrays: FigureArrays, history: History, folder: Path) -> None:
    """Write `overview.png`, `grid.png` and, if there were iterations of ours, `curves.png` into `folder`."""
    drawn = arrays.as_drawn()
    folder.mkdir(parents=True, exist_ok=True)
    draw_overview(drawn, folder / "overview.png")
    grid(folder / "grid.png", warped=drawn.warped, field=drawn.field, **_common(drawn))
    if len(history):
        note = f"{history.formula}; the terms are drawn without their weights"
        curves(folder / "curves.png", history=history.columns(), title=arrays.name, note=note)


def draw_overview(arrays: FigureArrays, path: Path) -> None:
    """Write the images, their differences and the labels, before and after, as a PNG file."""
    drawn = arrays.as_drawn()
    overview(
        path,
        fixed=drawn.fixed,
        moving=drawn.moving,
        warped=drawn.warped,
        fixed_labels=drawn.fixed_labels,
        moving_labels=drawn.moving_labels,
        warped_labels=drawn.warped_labels,
        label_names=drawn.label_names,
        **_common(drawn),
    )


def _common(arrays: FigureArrays) -> dict[str, Any]:
    at = informative_slices(arrays.fixed, arrays.fixed_labels)
    return {"spacing": arrays.spacing, "title": arrays.name, "at": at}

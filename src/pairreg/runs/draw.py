"""The figures of one run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pairreg.figures.curves import curves
from pairreg.figures.grid import grid
from pairreg.figures.overview import overview
from pairreg.figures.views import informative_slices
from pairreg.runs.figure_arrays import FigureArrays


def draw(arrays: FigureArrays, history: Mapping[str, np.ndarray], folder: Path) -> None:
    """Write `overview.png`, `grid.png` and, if there were iterations of ours, `curves.png` into `folder`.

    `history`: curves by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw_overview(arrays, folder / "overview.png")
    grid(folder / "grid.png", warped=arrays.warped, field=arrays.field, **_common(arrays))
    if history:
        curves(folder / "curves.png", history=history, title=arrays.name)


def draw_overview(arrays: FigureArrays, path: Path) -> None:
    """Write the images, their differences and the labels, before and after, as a PNG file."""
    overview(
        path,
        fixed=arrays.fixed,
        moving=arrays.moving,
        warped=arrays.warped,
        fixed_labels=arrays.fixed_labels,
        moving_labels=arrays.moving_labels,
        warped_labels=arrays.warped_labels,
        label_names=arrays.label_names,
        **_common(arrays),
    )


def _common(arrays: FigureArrays) -> dict[str, Any]:
    at = informative_slices(arrays.fixed, arrays.fixed_labels)
    return {"spacing": arrays.spacing, "title": arrays.name, "at": at}

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
    at = informative_slices(arrays.fixed, arrays.fixed_labels)
    common: dict[str, Any] = {"spacing": arrays.spacing, "title": arrays.name, "at": at}
    overview(
        folder / "overview.png",
        fixed=arrays.fixed,
        moving=arrays.moving,
        warped=arrays.warped,
        fixed_labels=arrays.fixed_labels,
        moving_labels=arrays.moving_labels,
        warped_labels=arrays.warped_labels,
        label_names=arrays.label_names,
        **common,
    )
    grid(folder / "grid.png", warped=arrays.warped, field=arrays.field, **common)
    if history:
        curves(folder / "curves.png", history=history, title=arrays.name)

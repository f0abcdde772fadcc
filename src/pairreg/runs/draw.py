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


def draw(scene: FigureArrays, history: Mapping[str, np.ndarray], folder: Path) -> None:
    """`overview.png`, `grid.png` and `curves.png`, on the fixed grid and the preprocessed intensities."""
    folder.mkdir(parents=True, exist_ok=True)
    at = informative_slices(scene.fixed, scene.fixed_labels)
    common: dict[str, Any] = {"spacing": scene.spacing, "title": scene.name, "at": at}
    overview(
        folder / "overview.png",
        fixed=scene.fixed,
        moving=scene.moving,
        warped=scene.warped,
        fixed_labels=scene.fixed_labels,
        moving_labels=scene.moving_labels,
        warped_labels=scene.warped_labels,
        label_names=scene.label_names,
        **common,
    )
    grid(folder / "grid.png", warped=scene.warped, field=scene.field, **common)
    curves(folder / "curves.png", history=history, title=scene.name)

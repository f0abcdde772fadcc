"""The figures of one run."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.result.figures.curves import curves
from pairreg.result.figures.grid import grid
from pairreg.result.figures.overview import overview
from pairreg.result.figures.views import informative_slices

if TYPE_CHECKING:
    from pairreg.result.result import Result


def draw(result: "Result", folder: Path) -> None:
    """`overview.png`, `grid.png` and `curves.png`, on the fixed grid and the preprocessed intensities."""
    folder.mkdir(parents=True, exist_ok=True)
    prepared = result.prepared
    pair, spacing = prepared.pair, prepared.spacing
    identity = sitk.Transform(pair.ndim, sitk.sitkIdentity)
    warped = on_fixed(result, pair.moving, result.transform, nearest=False)
    assert warped is not None
    labels = {
        "fixed_labels": on_fixed(result, pair.fixed_labels, identity),
        "moving_labels": on_fixed(result, pair.moving_labels, prepared.initial),
        "warped_labels": on_fixed(result, pair.moving_labels, result.transform),
    }
    at = informative_slices(prepared.fixed, labels["fixed_labels"])
    overview(
        folder / "overview.png",
        fixed=prepared.fixed,
        moving=prepared.moving,
        warped=warped,
        spacing=spacing,
        title=pair.name,
        label_names=pair.label_names,
        at=at,
        **labels,
    )
    grid(folder / "grid.png", warped=warped, field=result.field, spacing=spacing, title=pair.name, at=at)
    curves(folder / "curves.png", history=result.history.columns(), title=pair.name)


def on_fixed(
    result: "Result", image: sitk.Image | None, transform: sitk.Transform, nearest: bool = True
) -> np.ndarray | None:
    if image is None:
        return None
    fill = 0.0 if nearest else geometry.minimum(image)
    return geometry.array(geometry.resample(image, result.prepared.pair.fixed, transform, nearest, fill))

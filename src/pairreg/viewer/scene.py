"""What a run left, turned such that the axes of 3-D images lead to the left, to the back and to the head."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from pairreg import geometry
from pairreg.figures.overview import Images
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.runs.read import Run
from pairreg.turning import Turn, turned

SOURCES = ("fixed", "moving", "warped")


@dataclass(frozen=True)
class Scene:
    """The images of a run on one grid, 3-D ones turned to LPS, 2-D ones as they are.

    **Attributes:**

    - `name` of the pair; `label_names`: of label values.
    - `images`: `fixed`, `moving` (after the initialisation) and `warped`, intensities as they were registered.
    - `labels`: those of the three that have a label map.
    - `displacement`: a vector image in mm along the axes of the grid (x first), without the linear part of the
      initialisation.
    - `landmarks`: `fixed`, `moving` and `warped`, `(n, ndim)` in voxels of the grid, x first; empty if there are none.
      A warped one lies as far from its fixed one as the registration leaves them apart.
    - `difference`: the range of differences of intensities.
    """

    name: str
    label_names: Mapping[int, str]
    images: Mapping[str, sitk.Image]
    labels: Mapping[str, sitk.Image]
    displacement: sitk.Image
    landmarks: Mapping[str, np.ndarray]
    difference: float

    @classmethod
    def of(cls, run: Run) -> "Scene":
        """Return the scene of a complete run; raises `InputError` if a file that it needs is missing or damaged."""
        return cls.on(run.figure_arrays, run.image("displacement"))

    @classmethod
    def on(cls, arrays: FigureArrays, grid: sitk.Image) -> "Scene":
        """Return the scene of arrays that lie on `grid`."""
        shown, lying = arrays.turned(Turn.of(grid.GetDirection())), turned(grid)
        images = {name: getattr(shown, name) for name in SOURCES}
        maps = {name: getattr(shown, f"{name}_labels") for name in SOURCES}
        along_axes = (shown.field * np.asarray(shown.spacing))[..., ::-1].astype(np.float32)
        return cls(
            name=arrays.name,
            label_names=arrays.label_names,
            images={name: geometry.image(values, lying) for name, values in images.items()},
            labels={name: geometry.image(values, lying) for name, values in maps.items() if values is not None},
            displacement=geometry.image(along_axes, lying, vector=True),
            landmarks={name: points[:, ::-1] for name, points in _landmarks(shown).items()},
            difference=Images(**images).difference_range(),
        )


def _landmarks(arrays: FigureArrays) -> dict[str, np.ndarray]:
    """Return the landmarks of every image, in voxels of the arrays; none if the pair has none."""
    fixed, moving = arrays.fixed_landmarks, arrays.moving_landmarks
    if fixed is None or moving is None:
        return {}
    # What is left apart is measured where the field ends, as the target registration error is.
    moved = [
        map_coordinates(component, fixed.T, order=1, mode="nearest") for component in np.moveaxis(arrays.field, -1, 0)
    ]
    return {"fixed": fixed, "moving": moving, "warped": moving - np.stack(moved, -1)}

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

SOURCES = ("fixed", "moving", "warped")


@dataclass(frozen=True)
class Scene:
    """The images of a run on one grid, 3-D ones turned to LPS, 2-D ones as they are.

    **Attributes:**

    - `name` of the pair; `label_names`: of label values.
    - `images`: `fixed`, `moving` (after the initialisation) and `warped`, intensities as they were registered.
    - `labels`: those of the three that have a label map.
    - `displacement`: a vector image in mm along the axes of the grid (x first), without the initialisation.
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
        shown = {name: getattr(arrays, name) for name in SOURCES}
        maps = {name: getattr(arrays, f"{name}_labels") for name in SOURCES}
        images = {name: _turned(geometry.image(values, grid)) for name, values in shown.items()}
        return cls(
            name=arrays.name,
            label_names=arrays.label_names,
            images=images,
            labels={name: _turned(geometry.image(values, grid)) for name, values in maps.items() if values is not None},
            displacement=_turned_displacement(arrays.field, grid),
            landmarks={n: _on_turned(points, grid, images["fixed"]) for n, points in _landmarks(arrays).items()},
            difference=Images(**shown, fixed_labels=None, moving_labels=None, warped_labels=None).difference_range(),
        )


def _turned(image: sitk.Image) -> sitk.Image:
    return sitk.DICOMOrient(image, "LPS") if image.GetDimension() == 3 else image


def _turned_displacement(field: np.ndarray, grid: sitk.Image) -> sitk.Image:
    """Return a field in voxels as a vector image in mm along the axes of the turned grid."""
    in_space = field.astype(np.float32) @ geometry.index_to_physical(grid).T.astype(np.float32)  # mm, LPS
    turned = _turned(geometry.image(in_space, grid, vector=True))
    directions = np.reshape(turned.GetDirection(), (grid.GetDimension(),) * 2).astype(np.float32)
    return geometry.image(geometry.array(turned) @ directions, turned, vector=True)


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


def _on_turned(points: np.ndarray, grid: sitk.Image, turned: sitk.Image) -> np.ndarray:
    """Return points in voxels of `grid` (array axis order) in voxels of the turned one (x first)."""
    in_space = [grid.TransformContinuousIndexToPhysicalPoint(point[::-1].tolist()) for point in points]
    return geometry.voxels_of(np.reshape(in_space, points.shape), turned)

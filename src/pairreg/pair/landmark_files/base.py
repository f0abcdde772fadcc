"""What a landmark file says, whatever its format, and what that is in LPS mm."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError

# The sign of each axis in LPS, in which ITK, DICOM, ANTs and elastix count; RAS is that of NIfTI, FSL and Slicer.
SIGNS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
SLICER_NUMBERS = {"0": "RAS", "1": "LPS"}  # of the same systems in files of Slicer 4; 2 (IJK) it never wrote
FILLERS = ("PHYSICAL", "WORLD", "SPACE", "MM")  # `LPS physical mm`
INDEX = "index"  # voxel indices, x first, of the image that the points belong to
UNITS = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "um": 0.001, "µm": 0.001, "μm": 0.001}  # not m: `x_m` may be moving


@dataclass(frozen=True, kw_only=True)
class PointFile:
    """The points of a file as they stand there.

    **Attributes:**

    - `values`: `(n, k)`, x first, in `unit` and `system`; a row of NaN is a point that the file calls undefined.
    - `system`: `LPS`, `RAS` or `index`.
    - `unit`: mm per unit of the file.
    - `names`: of the points, empty if the file has none.
    - `rewritten`: gives the text of the same file with other `values`, for an image (fixed or moving).
    """

    values: np.ndarray
    system: str
    rewritten: Callable[[np.ndarray, str], str]
    unit: float = 1.0
    names: tuple[str, ...] = ()

    def to_lps(self, where: str, ndim: int, grid: sitk.Image | None) -> np.ndarray:
        """The points `(n, ndim)` in LPS mm; `grid` is the image whose voxels an index counts."""
        values = flat(self.values, where, ndim)
        if self.system == INDEX:
            return self._from_indices(values, where, grid)
        return values * self.unit * SIGNS[self.system][:ndim] + 0.0  # no -0

    def like(self, points: np.ndarray, image: str) -> str:
        """The text of the file with `points` `(n, ndim)` in LPS mm of `image` in place of its own, to 1 nm."""
        ndim = points.shape[1]
        values = self.values.copy()
        values[:, :ndim] = np.round(points.round(6) / self.unit * SIGNS[self.system][:ndim], 9) + 0.0
        return self.rewritten(values, image)

    def _from_indices(self, values: np.ndarray, where: str, grid: sitk.Image | None) -> np.ndarray:
        if grid is None:
            raise InputError(
                f"{where} holds voxel indices, of an image that is not known here; give points in mm instead."
            )
        undefined = [float("nan")] * values.shape[1]
        convert = grid.TransformContinuousIndexToPhysicalPoint
        return np.array([undefined if np.isnan(v).any() else convert(v.tolist()) for v in values])


def flat(values: np.ndarray, where: str, ndim: int) -> np.ndarray:
    """`values` `(n, k)` without the columns beyond `ndim` (z of a plane, t), which have to be 0."""
    found = values.shape[1]
    if found < ndim or np.any(np.nan_to_num(values[:, ndim:]) != 0):
        what = f"{found} coordinates a point" + (f", not 0 beyond {ndim}," if found > ndim else "")
        raise InputError(f"{where} has {what} but its image is {ndim}-D; give {ndim} coordinates a point.")
    return values[:, :ndim]


def system_of(text: str, where: str) -> str:
    """The coordinate system that a file calls `text`; raises `InputError` for one that is not known."""
    words = [SLICER_NUMBERS.get(word, word.upper()) for word in text.split()]
    found = [word for word in words if word in SIGNS]
    if len(found) != 1 or not set(words) <= {*SIGNS, *FILLERS}:
        raise InputError(f"{where} has the coordinate system {text!r}; give points in LPS or RAS mm.")
    return found[0]


def unit_of(text: str, where: str) -> float:
    """Millimetres per unit that a file calls `text`; raises `InputError` for one that is not known."""
    if text.strip().lower() not in UNITS:
        raise InputError(f"{where} has the unit {text!r}; give points in mm.")
    return UNITS[text.strip().lower()]

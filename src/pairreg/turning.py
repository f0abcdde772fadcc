"""How 3-D images are turned before they are drawn or scanned: to axes that lead to the left, the back and the head.

This is the one place that says so; `pairreg.figures.views` then knows which side of a plane is up, and a simulated
camera what it orbits. An image whose axes are oblique keeps them: they are only put in order and reversed. A 2-D image
is taken as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

_ORIENTATION = "LPS"


def turned(image: sitk.Image) -> sitk.Image:
    """Return an image as it is drawn and scanned, with its voxels in place."""
    return sitk.DICOMOrient(image, _ORIENTATION) if image.GetDimension() == 3 else image


@dataclass(frozen=True)
class Turn:
    """What `turned` does to the arrays of a grid.

    **Attributes:** `order`: the old array axis of each new one; `backwards`: whether that one is reversed.
    """

    order: tuple[int, ...]
    backwards: tuple[bool, ...]

    @classmethod
    def of(cls, direction: Sequence[float]) -> "Turn":
        """Return the turn of a grid with the direction cosines `direction` (row by row, x first, as in SimpleITK)."""
        if len(direction) != 9:
            return cls((0, 1), (False, False))
        voxel = sitk.Image([1, 1, 1], sitk.sitkUInt8)
        voxel.SetDirection(direction)
        orient = sitk.DICOMOrientImageFilter()
        orient.SetDesiredCoordinateOrientation(_ORIENTATION)
        orient.Execute(voxel)
        # ITK counts axes from x, arrays from z.
        return cls(
            tuple(2 - int(axis) for axis in orient.GetPermuteOrder()[::-1]),
            tuple(bool(flip) for flip in orient.GetFlipAxes()[::-1]),
        )

    def values(self, array: np.ndarray) -> np.ndarray:
        """Return the voxels `(*spatial, ...)` in their new order."""
        rest = range(len(self.order), array.ndim)
        steps = tuple(slice(None, None, -1 if backwards else 1) for backwards in self.backwards)
        return np.ascontiguousarray(array.transpose(*self.order, *rest)[steps])

    def per_axis(self, numbers: Sequence[float]) -> tuple[float, ...]:
        """Return what belongs to the axes, such as their spacing, in the new order."""
        return tuple(numbers[axis] for axis in self.order)

    def field(self, field: np.ndarray) -> np.ndarray:
        """Return a field `(*spatial, ndim)` in voxels whose components, too, are along the new axes."""
        signs = np.where(self.backwards, -1, 1).astype(field.dtype)
        return self.values(field)[..., self.order] * signs

    def points(self, points: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """Return points `(n, ndim)` in voxels of an array of `shape`, in voxels of the turned one."""
        last = np.array(shape)[list(self.order)] - 1
        ordered = points[:, self.order]
        return np.where(self.backwards, last - ordered, ordered)

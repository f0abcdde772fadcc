"""Control points over a fixed image: features of both images on them, and the field that they span."""

import math
from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.arrays import Field
from pairreg.backend import tf
from pairreg.initialization.coupled_convex import Features
from pairreg.optimization.block_mean import block_mean
from pairreg.similarity.mind import MIND
from pairreg.transform.bspline import basis
from pairreg.transform.separable import along_axes

_POOL = 3  # voxels per step, along each axis, of the grid on which descriptors are computed
_COPIES = 4  # of the descriptors of one image at a time, while they are computed


class ControlPoints:
    """Points in the middle of cells of about `step` mm, which fill the field of view of `fixed` exactly.

    **Attributes**, per axis in array axis order: `counts` of points; `width` of a cell in voxels of `fixed`; `spacing`
    of the points in mm.
    """

    def __init__(self, fixed: sitk.Image, step: float):
        self.fixed = fixed
        sizes, spacing = fixed.GetSize()[::-1], geometry.spacing(fixed)
        self.counts = [max(1, round(n * h / step)) for n, h in zip(sizes, spacing, strict=True)]
        self.width = [n / count for n, count in zip(sizes, self.counts, strict=True)]
        self.spacing = [w * h for w, h in zip(self.width, spacing, strict=True)]

    def steps(self, millimetres: float) -> list[int]:
        """Return the number of steps along each axis that `millimetres` are, rounded."""
        return [round(millimetres / h) for h in self.spacing]

    def gigabytes(self, reach: Sequence[int]) -> float:
        """Return what the costs of all displacements of all points take, and the descriptors that they come from."""
        ndim = len(reach)
        costs = math.prod(2 * r + 1 for r in reach) * math.prod(self.counts)
        voxels = _POOL**ndim * math.prod(n + 2 * r for n, r in zip(self.counts, reach, strict=True))
        return 4e-9 * (costs + _COPIES * 2 * ndim * (ndim - 1) * voxels)

    def features(
        self,
        image: sitk.Image,
        mask: sitk.Image | None,
        transform: sitk.Transform,
        descriptor: MIND,
        margin: Sequence[int],
    ) -> Features:
        """Return the descriptors of `image`, averaged over the cells, also of `margin` cells beyond the fixed image.

        `transform` maps points of the fixed image to points of `image`. A descriptor is known where the patches that it
        compares lie in `image` and in its `mask`.
        """
        grid = self._fine_grid(margin)
        known = geometry.coverage(image, grid, transform)
        if mask is not None:
            known &= geometry.mask_on(grid, mask, transform)
        values = geometry.resample(_low_passed(image, grid), grid, transform, fill=geometry.minimum(image))
        complete = descriptor.complete(tf.constant(known, tf.float32))
        descriptors = descriptor.descriptors(tf.constant(geometry.array(values), tf.float32), complete).numpy()
        pool = [_POOL] * len(margin)
        return Features(np.stack([block_mean(one, pool) for one in descriptors]), block_mean(complete.numpy(), pool))

    def _fine_grid(self, margin: Sequence[int]) -> sitk.Image:
        """Return an image with `_POOL` voxels along each axis of every cell, those of the margin included."""
        size = [_POOL * (n + 2 * m) for n, m in zip(self.counts, margin, strict=True)]
        grid = sitk.Image(size[::-1], sitk.sitkUInt8)
        grid.SetSpacing([h / _POOL for h in self.spacing[::-1]])
        grid.SetDirection(self.fixed.GetDirection())
        first = [(0.5 / _POOL - m) * w - 0.5 for w, m in zip(self.width, margin, strict=True)]
        grid.SetOrigin(self.fixed.TransformContinuousIndexToPhysicalPoint(first[::-1]))
        return grid

    def field(self, displacements: Field) -> Field:
        """Return displacements `(ndim, *points)` in steps as a field `(*spatial, ndim)` in voxels of the fixed image.

        They are the coefficients of cubic B-splines: a field without kinks, which does not overshoot.
        """
        shape = self.fixed.GetSize()[::-1]
        voxels = np.moveaxis(displacements, 0, -1) * np.array(self.width)
        nodes = np.pad(voxels, [*[(2, 2)] * len(shape), (0, 0)], mode="edge")
        # Point j of the padded ones lies in the middle of cell j - 2; `basis` has it at j - 1 times the width.
        weights = [
            basis(np.arange(n) + 0.5 + 0.5 * w, w, count)
            for n, w, count in zip(shape, self.width, nodes.shape[:-1], strict=True)
        ]
        field: np.ndarray = along_axes(tf.constant(nodes, tf.float32), weights).numpy()
        return field


def _low_passed(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Return `image` without the detail that the voxels of `grid` are too large for."""
    new, old = min(grid.GetSpacing()), np.array(image.GetSpacing())
    return geometry.blur(image, (0.5 * np.sqrt(np.maximum(new**2 - old**2, 0))).tolist())

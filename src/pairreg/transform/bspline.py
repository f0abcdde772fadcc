"""Free-form deformation by cubic B-splines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from pairreg.arrays import FieldTensor
from pairreg.transform.base import LevelGrid, Precision
from pairreg.transform.control_grid import GridOfDisplacements, NodeGrid
from pairreg.transform.separable import Matrix, along_axes
from pairreg.validation import Positive


@final
@dataclass(frozen=True, kw_only=True)
class BSpline(GridOfDisplacements):
    """Deforms by cubic B-splines on a lattice of control points, so the field is smooth by construction.

    **Arguments:** `control_spacing`: between control points on the finest level, in mm (rounded to whole voxels, at
    least one); on coarser levels it is wider as the voxels are along each axis, s times on a level of scale s and less
    across thick slices. `symmetric`: optimise both directions, as of `displacement`. `consistency`: weight of the
    inverse consistency of the two. `learning_rate`: in voxels of the level per iteration.

    Source: Rueckert et al., IEEE TMI 18:712 (1999).
    """

    uses_spacing: ClassVar[bool] = True

    control_spacing: Positive = 10.0
    learning_rate: Positive = 0.1

    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> "Lattice":
        del precision
        return Lattice(grid, tuple(max(1, round(self.control_spacing / h)) for h in spacing), self.directions)


@final
class Lattice(NodeGrid):
    """The control points of one level.

    Point j of an axis sits at voxel `(j - 1) stride`, so that every voxel has all four neighbours.
    """

    def __init__(self, grid: LevelGrid, strides: Sequence[int], directions: int = 1):
        counts = [(n - 1) // s + 4 for n, s in zip(grid.shape, strides, strict=True)]
        super().__init__(grid, counts, directions)
        voxels = [np.arange(n, dtype=float) for n in grid.shape]
        self.strides = strides
        self.basis = [basis(v, s, m) for v, s, m in zip(voxels, strides, counts, strict=True)]

    def displacements(self, nodes: FieldTensor) -> FieldTensor:
        return along_axes(nodes, self.basis)

    def upsample_from(self, coarser: NodeGrid, scale: Sequence[float]) -> FieldTensor:
        """Return the coarse field at the fine control points: exact for fields that are linear between them."""
        assert isinstance(coarser, Lattice)
        matrices = []
        for fine, stride, coarse, wide, ratio in zip(
            self.nodes.shape, self.strides, coarser.nodes.shape, coarser.strides, scale, strict=False
        ):
            points = ((np.arange(fine) - 1.0) * stride + 0.5) / ratio - 0.5
            # beyond the outer control points there is nothing: hold the value there
            matrices.append(basis(np.clip(points, 0, (coarse - 3) * wide), wide, coarse))
        return along_axes(coarser.nodes, matrices)


def basis(positions: np.ndarray, stride: float, count: int) -> Matrix:
    """Return the weights `(len(positions), count)` of `count` control points at `positions` (voxels).

    Each row sums to 1 from voxel 0 to the last.
    """
    t = abs(positions[:, None] / stride - (np.arange(count)[None, :] - 1))
    inner, outer = 2 / 3 - t**2 + t**3 / 2, (2 - t) ** 3 / 6
    return np.where(t < 1, inner, np.where(t < 2, outer, 0.0))

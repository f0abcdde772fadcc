"""A displacement field as its own parameters, one vector per voxel or per cell of a grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.transform.base import LevelGrid, Precision
from pairreg.transform.control_grid import GridOfDisplacements, NodeGrid, displacement_of, node_counts
from pairreg.transform.separable import upsample
from pairreg.validation import Count, Positive


@final
@dataclass(frozen=True, kw_only=True)
class Displacement(GridOfDisplacements):
    """Deforms by a grid of displacement vectors, linearly interpolated between its nodes.

    With `symmetric` a second grid holds the displacements w of the other direction. The loss is then the mean of that
    of the warped moving image against the fixed one and that of the warped fixed image against the moving one (on the
    fixed grid), plus `consistency` times the mean of |u(x) + w(x + u(x))|² and |w(x) + u(x + w(x))|² over voxels, in
    mm². What is left of it is a map of the run, `inverse_consistency.nii.gz`: where it is large, the images do not
    determine the deformation. A stiffness of labels counts in the forward direction alone.

    **Arguments:** `stride`: width of a grid cell in voxels of the level; 1 = one vector per voxel. `symmetric`:
    optimise both directions. `consistency`: weight of the inverse consistency of the two. `learning_rate`: in voxels
    of the level per iteration (with Adam).

    Source: Christensen & Johnson, IEEE TMI 20:568 (2001), for the two directions.
    """

    stride: Count = 1
    learning_rate: Positive = 0.1

    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> "VectorGrid":
        del precision, spacing
        return VectorGrid(grid, self.stride, directions=self.directions)


@final
class VectorGrid(NodeGrid):
    """The vectors of `Displacement`, or with `diffeomorphic` the velocities of `Velocity`, on one level."""

    def __init__(self, grid: LevelGrid, stride: int, diffeomorphic: bool = False, directions: int = 1):
        super().__init__(grid, node_counts(grid.shape, stride), directions)
        self.stride, self.diffeomorphic = stride, diffeomorphic

    def upsample_from(self, coarser: NodeGrid, scale: Sequence[float]) -> FieldTensor:
        assert isinstance(coarser, VectorGrid)
        return upsample(coarser.nodes, self.nodes.shape[:-1], [coarser.stride / self.stride * ratio for ratio in scale])

    def displacements(self, nodes: FieldTensor) -> FieldTensor:
        return displacement_of(nodes, self.grid.shape, self.stride, self.diffeomorphic)

    def inverse_field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor | None:
        return self.displacements(-self.nodes) if self.diffeomorphic else super().inverse_field(fixed, moving)

"""A displacement field as its own parameters, one vector per voxel or per cell of a grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.transform.base import LevelGrid, Precision, Transform
from pairreg.transform.control_grid import NodeGrid, displacement_of, node_counts
from pairreg.transform.separable import upsample
from pairreg.validation import Count, Positive


@final
@dataclass(frozen=True, kw_only=True)
class Displacement(Transform):
    """Deforms by a grid of displacement vectors, linearly interpolated between its nodes.

    **Arguments:** `stride`: width of a grid cell in voxels of the level; 1 = one vector per voxel. `learning_rate`: in
    voxels of the level per iteration (with Adam).
    """

    stride: Count = 1
    learning_rate: Positive = 0.1

    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> "VectorGrid":
        del precision, spacing
        return VectorGrid(grid, self.stride)


@final
class VectorGrid(NodeGrid):
    """The vectors of `Displacement`, or with `diffeomorphic` the velocities of `Velocity`, on one level."""

    def __init__(self, grid: LevelGrid, stride: int, diffeomorphic: bool = False):
        super().__init__(grid, node_counts(grid.shape, stride))
        self.stride, self.diffeomorphic = stride, diffeomorphic

    def upsample_from(self, coarser: NodeGrid, scale: Sequence[float]) -> FieldTensor:
        assert isinstance(coarser, VectorGrid)
        return upsample(coarser.nodes, self.nodes.shape[:-1], [coarser.stride / self.stride * ratio for ratio in scale])

    def displacements(self, nodes: FieldTensor) -> FieldTensor:
        return displacement_of(nodes, self.grid.shape, self.stride, self.diffeomorphic)

    def inverse_field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor | None:
        del fixed, moving
        return self.displacements(-self.nodes) if self.diffeomorphic else None

from dataclasses import dataclass

from pairreg.backend import Tensor, tf
from pairreg.separable import upsample
from pairreg.transform.base import LevelGrid, Parametrization, Transform, ratios


@dataclass(frozen=True, kw_only=True)
class Displacement(Transform):
    """A grid of displacement vectors, linearly interpolated between its nodes: the field itself is optimised.

    **Arguments:** `stride`: width of a grid cell in voxels of the level; 1 = one vector per voxel.
    """

    stride: int = 1
    learning_rate: float = 0.1  # voxels of the level per iteration with Adam

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride should be at least 1 voxel; it is {self.stride}")

    def parametrize(self, grid: LevelGrid) -> "DisplacementGrid":
        return DisplacementGrid(grid, self.stride)


class DisplacementGrid(Parametrization):
    def __init__(self, grid: LevelGrid, stride: int):
        self.grid, self.stride = grid, stride
        nodes = [-(-n // stride) for n in grid.shape]  # the last cell may reach beyond the image
        self.nodes = tf.Variable(tf.zeros((*nodes, grid.ndim)), name="displacement")
        self.variables = [self.nodes]

    def reset(self, seed: int) -> None:
        del seed
        self.nodes.assign(tf.zeros_like(self.nodes))

    def carry(self, coarser: Parametrization, field: Tensor) -> None:
        del field
        assert isinstance(coarser, DisplacementGrid)
        scale = ratios(coarser.grid, self.grid)
        self.nodes.assign(upsample(coarser.nodes, self.nodes.shape[:-1], scale) * scale)

    def field(self, fixed: Tensor, moving: Tensor) -> Tensor:
        del fixed, moving
        if self.stride == 1:
            return tf.convert_to_tensor(self.nodes)
        return upsample(self.nodes, self.grid.shape, [self.stride] * self.grid.ndim)

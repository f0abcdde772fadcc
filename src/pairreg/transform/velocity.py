from dataclasses import dataclass

from pairreg.transform.base import LevelGrid, Precision, Transform
from pairreg.transform.displacement import VectorGrid, check_stride


@dataclass(frozen=True, kw_only=True)
class Velocity(Transform):
    """A grid of stationary velocities, whose exponential is the displacement: smooth, invertible, without folds.

    The inverse comes with it (`inverse_displacement.nii.gz`). Invertible within what a grid can show: a velocity that
    changes by more than its grid resolves can still fold between the nodes, so `folds_percent` is reported as always.

    **Arguments:** `stride`: width of a grid cell in voxels of the level; wider cells are smoother, and fold less.
    `learning_rate`: in voxels of the level per iteration (with Adam).

    Source: Arsigny et al., MICCAI 2006.
    """

    stride: int = 3
    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        check_stride(self.stride)

    def parametrize(self, grid: LevelGrid, precision: Precision) -> VectorGrid:
        del precision
        return VectorGrid(grid, self.stride, diffeomorphic=True)

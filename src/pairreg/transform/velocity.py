"""A stationary velocity field, whose exponential is the displacement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pairreg.transform.base import LevelGrid, Precision, Transform
from pairreg.transform.displacement import VectorGrid
from pairreg.validation import Count, Positive


@final
@dataclass(frozen=True, kw_only=True)
class Velocity(Transform):
    """Deforms by the exponential of a grid of stationary velocities: smooth, invertible, without folds.

    The inverse comes with it (`inverse_displacement.nii.gz`). It is exact within what a grid can show: a velocity that
    changes by more than its grid resolves can still fold between the nodes, so `folds_percent` is reported as always.

    **Arguments:** `stride`: width of a grid cell in voxels of the level; wider cells are smoother, and fold less.
    `learning_rate`: in voxels of the level per iteration (with Adam).

    Source: Arsigny et al., MICCAI 2006.
    """

    stride: Count = 3
    learning_rate: Positive = 0.1

    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> VectorGrid:
        del precision, spacing
        return VectorGrid(grid, self.stride, diffeomorphic=True)

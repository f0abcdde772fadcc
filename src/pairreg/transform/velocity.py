"""A stationary velocity field, whose exponential is the displacement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, final

from pairreg.markers import Neutral
from pairreg.transform.base import LevelGrid, Precision, Transform
from pairreg.transform.displacement import VectorGrid
from pairreg.validation import Count, Positive


@final
@dataclass(frozen=True, kw_only=True)
class Velocity(Transform):
    """Deforms by the exponential of a grid of stationary velocities: smooth, invertible, without folds.

    The inverse comes with it (`inverse_displacement.nii.gz`), unless the regulariser `gaussian_smoothing` changes the
    field. It is exact within what a grid can show: a velocity that changes by more than its grid resolves can still
    fold between the nodes, so `folds_percent` is reported as always.

    With `symmetric` the loss is the mean of that of the warped moving image against the fixed one and, by the
    exponential of the negative velocity, that of the warped fixed image against the moving one (on the fixed grid).
    A stiffness of labels counts in the forward direction alone.

    **Arguments:** `stride`: width of a grid cell in voxels of the level; wider cells are smoother, and fold less.
    `symmetric`: compare the images in both directions. `learning_rate`: in voxels of the level per iteration (with
    Adam).

    Source: Arsigny et al., MICCAI 2006; Vercauteren et al., MICCAI 2008, for the two directions.
    """

    constant: ClassVar[frozenset[str]] = frozenset({"symmetric"})

    stride: Count = 3
    symmetric: Annotated[bool, Neutral(False)] = False
    learning_rate: Positive = 0.1

    @property
    def consistency_weight(self) -> float | None:
        return 0.0 if self.symmetric else None  # they are inverse to each other until a regulariser changes them

    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> VectorGrid:
        del precision, spacing
        return VectorGrid(grid, self.stride, diffeomorphic=True)

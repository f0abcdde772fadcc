"""Penalty on folds, by the determinant of the deformation."""

from dataclasses import dataclass
from typing import Annotated, final

from pydantic import Field

from pairreg.arrays import FieldTensor, ImageTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.regularizer.base import Regularizer, Spacing, as_field, as_stiffness
from pairreg.regularizer.cell_corners import Matrix, corner_derivatives, mean_over_corners
from pairreg.validation import NonNegative


@final
@dataclass(frozen=True, kw_only=True)
class Jacobian(Regularizer):
    """Penalises folds: mean of relu(margin − det(∇φ)) over voxels, φ(x) = x + u(x) as the warp has it.

    The determinant is the volume that the deformation gives a small piece of space: 1 for a translation, 0 or less
    where it folds. The mean is over the cells between voxels and over their corners, whose determinants are those by
    forward and backward differences in every combination: the folds that `folds_percent` counts are those that cost,
    and in 2-D the value is `ndv_percent` / 100.

    The penalty is 0 if nothing folds. It is dimensionless, and the same at every spacing: in mm, ∇φ is S J S⁻¹ with J
    in voxels and S the diagonal of the spacings, whose determinant is that of J. An axis of one voxel does not deform.

    **Arguments:** `margin`: determinant (at least 0, below 1) under which a voxel costs. At 0 a fold is repaired no
    further than to flatness, which still counts as folded; a margin of 0.1 keeps a tenth of the volume.

    Source: Kuang & Schmah, MLMI (2019), arXiv 1811.09243. The released scripts of Chen et al. (Medical Physics 47:6366,
    2020) sum it over the forward differences of a 2-D field: their weight w is w·(rows − 1)·(columns − 1) here. Their
    warp used x − u but this penalty x + u; here both are x + u.
    """

    weight: NonNegative = 30.0
    margin: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0  # from 1 on a translation would cost

    def penalty(self, field: FieldTensor, spacing: Spacing, stiffness: ImageTensor | None = None) -> Scalar:
        del spacing
        u = as_field(field)
        corners = corner_derivatives(u, [1.0] * u.shape[-1], as_stiffness(stiffness, u))
        return mean_over_corners([(tf.nn.relu(self.margin - _determinant(_with_identity(m))), s) for m, s in corners])


def _with_identity(matrix: Matrix) -> Matrix:
    return [[x + 1 if d == c else x for c, x in enumerate(row)] for d, row in enumerate(matrix)]


def _determinant(m: Matrix) -> Tensor:
    """Return the determinant by expansion along the first row."""
    if len(m) == 1:
        return m[0][0]
    minors = [[row[:c] + row[c + 1 :] for row in m[1:]] for c in range(len(m))]
    return tf.add_n([(-1) ** c * m[0][c] * _determinant(minor) for c, minor in enumerate(minors)])

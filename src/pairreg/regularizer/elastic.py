"""Linear elastic energy."""

import itertools
from dataclasses import dataclass
from typing import final

from pairreg.arrays import FieldTensor, ImageTensor, Scalar
from pairreg.backend import tf
from pairreg.regularizer.base import Regularizer, Spacing, as_stiffness, in_mm
from pairreg.regularizer.cell_corners import Matrix, corner_derivatives, mean_over_corners
from pairreg.validation import NonNegative


@final
@dataclass(frozen=True, kw_only=True)
class Elastic(Regularizer):
    """Penalises strain ε = (∇u + ∇uᵀ)/2 by the mean linear elastic energy density `μ Σ_cd ε_cd² + λ/2 (Σ_d ε_dd)²`.

    The penalty is dimensionless, and 0 for a translation and for a skew-symmetric ∇u, which is a rotation to first
    order: one by the angle θ in a plane costs 2(μ + λ)(1 − cos θ)², about (μ + λ) θ⁴/2 (0.0005 at 10°), so large
    rotations belong in the initialisation. u and x in mm; the derivatives are those at the corners of the cells between
    voxels, by forward and backward differences in every combination (no padding), and the mean is over cells and
    corners.

    **Arguments:** `mu`: resistance to a change of shape and of length; `lam`: additional resistance to a change of
    volume. Only their ratio is a choice of its own beside `weight`. The default ratio 0 does not couple the axes
    (Poisson's ratio lam/(2(lam + mu)) = 0): tissue hardly changes its volume, but lungs do, and two patients differ.

    Source: Broit, PhD thesis, University of Pennsylvania (1981); Modersitzki, FAIR, SIAM (2009).
    """

    mu: NonNegative = 1.0
    lam: NonNegative = 0.0

    def problem(self) -> str | None:
        return "mu or lam should be above 0; both are 0." if self.mu == self.lam == 0 else super().problem()

    def penalty(self, field: FieldTensor, spacing: Spacing, stiffness: ImageTensor | None = None) -> Scalar:
        u, h = in_mm(field, spacing)
        corners = corner_derivatives(u, h, as_stiffness(stiffness, u))
        return mean_over_corners([(self.density(matrix), s) for matrix, s in corners])

    def density(self, m: Matrix) -> ImageTensor:
        """Return the energy density `(*cells,)` of the derivatives `m` at one corner of the cells."""
        lengths = [m[d][d] for d in range(len(m))]
        shears = [m[d][c] + m[c][d] for d, c in itertools.combinations(range(len(m)), 2)]  # twice the strain
        energy = self.mu * (tf.add_n([x**2 for x in lengths]) + tf.add_n([x**2 for x in shears]) / 2)
        return energy + self.lam / 2 * tf.add_n(lengths) ** 2 if self.lam else energy

"""Bending energy."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import FieldTensor, ImageTensor, Scalar
from pairreg.backend import tf
from pairreg.regularizer.base import Regularizer, Spacing, as_stiffness, between, forward, in_mm, weighted_mean
from pairreg.validation import NonNegative


@final
@dataclass(frozen=True, kw_only=True)
class BendingEnergy(Regularizer):
    """Penalises bending: mean of (∂²u_c/∂x_d∂x_e)² over voxels, components c and ordered pairs (d, e).

    The penalty is in 1/mm², and 0 for an affine field. Compact (1, −2, 1) and mixed forward differences where they
    exist (no padding: it would bend), u and x in mm. The stiffness is averaged as the differences are taken: over (1,
    2, 1)/4 of three voxels, or over four.

    Source: Rueckert et al., IEEE TMI 18:712 (1999), there as a sum with factor 2 on the mixed terms: the same pairs.
    """

    weight: NonNegative = 100.0

    def penalty(self, field: FieldTensor, spacing: Spacing, stiffness: ImageTensor | None = None) -> Scalar:
        u, h = in_mm(field, spacing)
        stiffness = as_stiffness(stiffness, u)
        energy = tf.zeros((), u.dtype)
        for d in range(len(h)):
            for e in range(d, len(h)):
                second = forward(forward(u, d), e) / (h[d] * h[e])
                if 0 not in second.shape:  # an axis of fewer than 3 voxels has no curvature
                    times = 1 if d == e else 2
                    energy += times * weighted_mean(second**2, between(between(stiffness, d), e))
        return energy / len(h) ** 2

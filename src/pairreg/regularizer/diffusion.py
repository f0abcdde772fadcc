"""Diffusion of the displacement: squared first derivatives."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import FieldTensor, ImageTensor, Scalar
from pairreg.backend import tf
from pairreg.regularizer.base import (
    Regularizer,
    Spacing,
    as_stiffness,
    between,
    differentiable_axes,
    forward,
    in_mm,
    weighted_mean,
)
from pairreg.validation import NonNegative


@final
@dataclass(frozen=True, kw_only=True)
class Diffusion(Regularizer):
    """Penalises slopes: mean of (∂u_c/∂x_d)² over voxels, components c and directions d.

    The penalty is dimensionless, and 0 for a translation. Forward differences where they exist (no padding), u and x in
    mm, so one weight holds at every size and spacing.

    Source: Fischer & Modersitzki, Numerical Algorithms 30:1 (2002).
    """

    weight: NonNegative = 2.0

    def penalty(self, field: FieldTensor, spacing: Spacing, stiffness: ImageTensor | None = None) -> Scalar:
        u, h = in_mm(field, spacing)
        stiffness = as_stiffness(stiffness, u)
        energy = tf.zeros((), u.dtype)
        for d in differentiable_axes(u):
            energy += weighted_mean((forward(u, d) / h[d]) ** 2, between(stiffness, d))
        return energy / len(h)

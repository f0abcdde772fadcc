"""Total variation of the displacement."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import FieldTensor, ImageTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.regularizer.base import (
    Regularizer,
    Spacing,
    as_stiffness,
    between,
    differentiable_axes,
    forward,
    in_mm,
    part,
    weighted_mean,
)
from pairreg.validation import NonNegative, Positive


@final
@dataclass(frozen=True, kw_only=True)
class TotalVariation(Regularizer):
    """Penalises slopes, but keeps sliding edges: mean over voxels and components c of `√(Σ_d (∂u_c/∂x_d)² + ε²) − ε`.

    Forward differences (at the far border the last one is repeated), u and x in mm. The penalty is isotropic,
    dimensionless, and 0 for a translation.

    **Arguments:** `epsilon`: in displacement gradients (1 = 1 mm per mm); below it the penalty is quadratic, which
    keeps the gradient finite at 0.

    Source: Rudin, Osher & Fatemi, Physica D 60:259 (1992); for registration Vishnevskiy et al., IEEE TMI 36:385 (2017).
    """

    weight: NonNegative = 0.5
    epsilon: Positive = 0.001

    def penalty(self, field: FieldTensor, spacing: Spacing, stiffness: ImageTensor | None = None) -> Scalar:
        u, h = in_mm(field, spacing)
        stiffness = as_stiffness(stiffness, u)
        axes = differentiable_axes(u)
        if not axes:
            return tf.zeros((), u.dtype)
        squares = tf.add_n([(_repeat_last(forward(u, d), d) / h[d]) ** 2 for d in axes])
        if stiffness is not None:
            stiffness = tf.add_n([_repeat_last(between(stiffness, d), d) for d in axes]) / len(axes)
        return weighted_mean(tf.sqrt(squares + self.epsilon**2) - self.epsilon, stiffness)


def _repeat_last(x: Tensor, axis: int) -> Tensor:
    """Return `x` one sample longer, so that every voxel has a difference and no voxel is free."""
    return tf.concat([x, part(x, axis, -1, None)], axis)

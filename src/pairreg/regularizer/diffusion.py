from dataclasses import dataclass

from pairreg.backend import Tensor, tf
from pairreg.regularizer.base import Regularizer, Spacing, forward, in_mm


@dataclass(frozen=True, kw_only=True)
class Diffusion(Regularizer):
    """Mean of (∂u_c/∂x_d)² over voxels, components c and directions d; dimensionless, 0 for a translation.

    Forward differences, u and x in mm, so one weight holds at every size and spacing.

    Source: Fischer & Modersitzki, Numerical Algorithms 30:1 (2002).
    """

    def penalty(self, field: Tensor, spacing: Spacing) -> Tensor:
        u, h = in_mm(field, spacing)
        directions = [d for d in range(len(h)) if u.shape[d] > 1]
        return tf.add_n([tf.reduce_mean((forward(u, d) / h[d]) ** 2) for d in directions]) / len(h)

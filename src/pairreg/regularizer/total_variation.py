from dataclasses import dataclass

from pairreg.backend import Tensor, tf
from pairreg.regularizer.base import Regularizer, Spacing, forward, in_mm


@dataclass(frozen=True, kw_only=True)
class TotalVariation(Regularizer):
    """Mean over voxels and components c of `√(Σ_d (∂u_c/∂x_d)² + ε²) − ε`: isotropic, keeps sliding edges.

    Forward differences (at the far border the last one is repeated), u and x in mm.

    **Arguments:** `epsilon`: in displacement gradients (1 = 1 mm per mm); below it the penalty is quadratic, which
    keeps the gradient finite at 0.

    Source: Rudin, Osher & Fatemi, Physica D 60:259 (1992); for registration Vishnevskiy et al., IEEE TMI 36:385 (2017).
    """

    epsilon: float = 0.001

    def __post_init__(self) -> None:
        if self.epsilon <= 0:
            raise ValueError(f"epsilon should be above 0; it is {self.epsilon}")

    def penalty(self, field: Tensor, spacing: Spacing) -> Tensor:
        u, h = in_mm(field, spacing)
        directions = [d for d in range(len(h)) if u.shape[d] > 1]
        squares = tf.add_n([(forward_everywhere(u, d) / h[d]) ** 2 for d in directions])
        return tf.reduce_mean(tf.sqrt(squares + self.epsilon**2) - self.epsilon)


def forward_everywhere(x: Tensor, axis: int) -> Tensor:
    """Forward differences with the last one repeated, so that every voxel has one and no voxel is free."""
    differences = forward(x, axis)
    return tf.concat([differences, differences[(slice(None),) * axis + (slice(-1, None),)]], axis)

"""What every regulariser is, and the finite differences that they share."""

from collections.abc import Sequence
from dataclasses import dataclass

from pairreg.backend import Tensor, tf

Spacing = Sequence[float] | Tensor


@dataclass(frozen=True, kw_only=True)
class Regularizer:
    """A preference among displacement fields. Subclasses have one or both of the two hooks below.

    **Arguments:** `weight`: factor of the penalty in the objective (`penalty` returns the unweighted value).
    """

    weight: float = 1.0

    def penalty(self, field: Tensor, spacing: Spacing) -> Tensor:
        """A scalar to be minimised. `field` `(*spatial, ndim)` in voxels, `spacing` in mm, both in array axis order."""
        raise NotImplementedError

    def constrain(self, field: Tensor, spacing: Spacing) -> Tensor:
        """The field that is used instead of `field`, before warping."""
        del spacing
        return field

    @property
    def has_penalty(self) -> bool:
        return type(self).penalty is not Regularizer.penalty


def in_mm(field: Tensor, spacing: Spacing) -> tuple[Tensor, list[Tensor]]:
    """The displacements in mm, and the spacing per axis as scalars of the field's dtype."""
    steps = tf.cast(tf.convert_to_tensor(spacing), field.dtype)
    return field * steps, tf.unstack(steps, num=field.shape[-1])


def forward(x: Tensor, axis: int) -> Tensor:
    """Forward differences along `axis`, one sample shorter; unlike central ones they see a checkerboard."""
    behind = (slice(None),) * axis
    return x[(*behind, slice(1, None))] - x[(*behind, slice(None, -1))]

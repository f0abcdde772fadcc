"""Gaussian smoothing of the field."""

from dataclasses import dataclass
from typing import ClassVar, final

from pairreg.arrays import FieldTensor
from pairreg.backend import Tensor, tf
from pairreg.regularizer.base import Regularizer, Spacing, as_field, as_spacing
from pairreg.validation import NonNegative


@final
@dataclass(frozen=True, kw_only=True)
class GaussianSmoothing(Regularizer):
    """Smooths the field by a Gaussian before warping; there is no penalty. A `sigma` of 0 leaves the field as it is.

    The weights of every voxel sum to 1, also at the border, where they are those of the voxels inside: a translation
    stays what it is everywhere. Separable, over the whole image (no cut-off), the same width in mm along every axis and
    at every level; on a grid with voxels wider than 2 `sigma` it does little.

    **Arguments:** `sigma`: standard deviation in mm.

    Source: Thirion, Medical Image Analysis 2:243 (1998), there after every step. The released scripts of Chen et al.
    (Medical Physics 47:6366, 2020) have kernels that sum to 0.003 … 0.16, which shrink the field; these do not.
    """

    sigma: NonNegative = 8.0

    strength: ClassVar[str | None] = "sigma"

    def constrain(self, field: FieldTensor, spacing: Spacing) -> FieldTensor:
        field = as_field(field)
        if self.sigma == 0:
            return field
        steps = tf.unstack(as_spacing(spacing, field) / self.sigma)
        for size, step in zip(field.shape[:-1], steps, strict=True):
            # contracts the first axis and puts it last: after all of them, the components are first
            field = tf.tensordot(field, self.matrix(size, step), [[0], [1]])
        return tf.transpose(field, [*range(1, len(steps) + 1), 0])

    @staticmethod
    def matrix(size: int, step: Tensor) -> Tensor:
        """Return the weights `(size, size)` of the voxels (columns) in each smoothed one.

        **Arguments:** `step`: the spacing in sigmas.
        """
        # in the graph, as the spacing is: numpy could not have it
        index = tf.range(size, dtype=step.dtype)
        weights = tf.exp(-0.5 * ((index[:, None] - index[None, :]) * step) ** 2)
        return weights / tf.reduce_sum(weights, axis=1, keepdims=True)

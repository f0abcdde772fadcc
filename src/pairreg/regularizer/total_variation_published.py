"""The total variation that the released scripts of Chen et al. (2020) compute."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import FieldTensor, ImageTensor, Scalar
from pairreg.backend import tf
from pairreg.regularizer.base import Regularizer, Spacing, as_stiffness, between, forward, in_mm, weighted_mean
from pairreg.validation import NonNegative


@final
@dataclass(frozen=True, kw_only=True)
class TotalVariationPublished(Regularizer):
    """Penalises slopes along the first image axis only, as the released scripts did: mean of |∂u_c/∂x_0|.

    The mean is over voxels and components c. The scripts gave each component, a tensor (batch, rows, columns), to a
    function for (rows, columns, channels). Of its two differences one ran along the batch of 1 and was empty, the other
    along the rows; nothing was taken along the columns. So a field that varies along the other axes only costs nothing
    here, which is a defect: use `total_variation` for everything but a comparison with the published figure.

    Forward differences, u and x in mm; dimensionless, 0 for a translation, not smooth at 0 (the gradient there is 0).
    The scripts had the sum instead of the mean, and 2-D images only: their weight w is w·2·(rows − 1)·columns here. In
    3-D the first axis is the slices.

    Source: released scripts of Chen et al., Medical Physics 47:6366 (2020), doi 10.1002/mp.14545.
    """

    weight: NonNegative = 0.5

    def penalty(self, field: FieldTensor, spacing: Spacing, stiffness: ImageTensor | None = None) -> Scalar:
        u, h = in_mm(field, spacing)
        stiffness = as_stiffness(stiffness, u)
        if u.shape[0] == 1:
            return tf.zeros((), u.dtype)
        return weighted_mean(tf.abs(forward(u, 0) / h[0]), between(stiffness, 0))

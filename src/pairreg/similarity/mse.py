"""Mean squared difference."""

from dataclasses import dataclass

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.similarity.base import Similarity, masked_mean


@dataclass(frozen=True, kw_only=True)
class MSE(Similarity):
    """Compares images of one modality and intensity scale by their mean squared difference `mean((w - f)²)`.

    The loss is in squared intensity, from 0 (best: equal images) up. Flat regions count like any other.
    """

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        return masked_mean((warped - fixed) ** 2, mask)

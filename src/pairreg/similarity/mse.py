from dataclasses import dataclass

from pairreg.backend import Tensor
from pairreg.similarity.base import Similarity, masked_mean


@dataclass(frozen=True, kw_only=True)
class MSE(Similarity):
    """Mean squared difference `mean((w - f)²)`: 0 for equal images, for one modality with one intensity scale."""

    def loss(self, fixed: Tensor, warped: Tensor, mask: Tensor) -> Tensor:
        return masked_mean((warped - fixed) ** 2, mask)

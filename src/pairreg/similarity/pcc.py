from dataclasses import dataclass

from pairreg.backend import Tensor, tf
from pairreg.similarity.base import Similarity, masked_mean, tiny


@dataclass(frozen=True, kw_only=True)
class PCC(Similarity):
    """One minus Pearson's correlation over the whole image: 0 for `w = a f + b` with a > 0, 2 for a < 0.

    A constant image correlates with nothing: the loss is 1 and its gradient finite.
    """

    def loss(self, fixed: Tensor, warped: Tensor, mask: Tensor) -> Tensor:
        f = (fixed - masked_mean(fixed, mask)) * mask
        w = (warped - masked_mean(warped, mask)) * mask
        variances = masked_mean(f * f, mask) * masked_mean(w * w, mask)
        # inside the root: the gradient of a root at 0 is infinite
        return 1 - masked_mean(f * w, mask) / tf.sqrt(variances + tiny(f))

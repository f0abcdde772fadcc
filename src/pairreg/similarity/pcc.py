"""Pearson's correlation over the whole image."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import tf
from pairreg.similarity.base import Similarity, masked_mean, tiny


@final
@dataclass(frozen=True, kw_only=True)
class PCC(Similarity):
    """Compares images whose intensities are linearly related by 1 less Pearson's correlation over the whole image.

    The loss goes from 0 (best: `w = a f + b` with a > 0) over 1 (unrelated) to 2 (anticorrelated, a < 0). A constant
    image correlates with nothing: the loss is 1 and its gradient finite.

    Source: the similarity of Chen et al., Medical Physics 47:6366 (2020), together with SSIM.
    """

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        f = (fixed - masked_mean(fixed, mask)) * mask
        w = (warped - masked_mean(warped, mask)) * mask
        # one floor for each variance, inside the root (whose gradient at 0 is infinite); added to their product it
        # would be far larger beside an image of low contrast
        roots = tf.math.rsqrt(masked_mean(f * f, mask) + tiny(f)) * tf.math.rsqrt(masked_mean(w * w, mask) + tiny(w))
        return 1 - masked_mean(f * w, mask) * roots

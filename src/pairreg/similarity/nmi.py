"""Normalised mutual information."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import tf
from pairreg.similarity.histogram import HistogramSimilarity, entropies


@final
@dataclass(frozen=True, kw_only=True)
class NMI(HistogramSimilarity):
    """Compares images of different modality by `2 - (H(f) + H(w)) / H(f, w)`, from their entropies.

    This is 2 less the normalised mutual information. The loss goes from 0 (best) to 1 (unrelated images, or a constant
    one). Because Parzen windows blur the joint histogram, two equal images stay above 0 (typically at 0.8 with the
    default windows); fewer voxels of overlap do not pay as with `mi`. Intensity maps and flat regions count as in `mi`.

    **Arguments:** as in `mi`.

    Source: Studholme et al., Pattern Recognition 32:71 (1999).
    """

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        of_fixed, of_warped, of_both = entropies(fixed, warped, mask, self.bins, self.sigma)
        # an empty mask has no entropy: unrelated
        return tf.cast(1 - (of_fixed + of_warped - of_both) / tf.maximum(of_both, 1e-6), fixed.dtype)

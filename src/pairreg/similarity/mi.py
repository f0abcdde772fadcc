"""Mutual information."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import tf
from pairreg.similarity.histogram import HistogramSimilarity, entropies


@final
@dataclass(frozen=True, kw_only=True)
class MI(HistogramSimilarity):
    """Compares images of different modality by minus their mutual information, `H(f, w) - H(f) - H(w)`.

    The loss is in nats, from 0 (unrelated images, or a constant one) down: the most negative is best, at most -H(f).
    Any one-to-one map of intensities, inversion included, is as good as equality up to the resolution of the bins. Flat
    regions count: they are where the images agree most easily.

    The Parzen windows are Gaussians on [0, 1]; intensities beyond count at the end of the range.

    **Arguments:** `bins`: Parzen windows per image, at least 4. `sigma`: their width in bins, at least 0.1.

    Source: Viola & Wells, IJCV 24:137 (1997); Thévenaz & Unser, IEEE TIP 9:2083 (2000).
    """

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        of_fixed, of_warped, of_both = entropies(fixed, warped, mask, self.bins, self.sigma)
        return tf.cast(of_both - of_fixed - of_warped, fixed.dtype)

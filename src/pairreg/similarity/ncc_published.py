"""The correlation that the released scripts of Chen et al. (2020) compute."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import tf
from pairreg.similarity.base import Similarity, tiny, total
from pairreg.similarity.windows import box_taps, window_means
from pairreg.validation import OddWindow


@final
@dataclass(frozen=True, kw_only=True)
class NCCPublished(Similarity):
    """Compares images as the released scripts of Chen et al. do: by one correlation of high-pass filtered images.

    `1 - Σ f'w' / (√(Σ f'² · Σ w'²) + 1e-5)`, with `f' = f - local mean` and sums over the whole image. The loss goes
    from 0 (best) over 1 (unrelated) to 2 (anticorrelated). It is no local correlation: a window with strong edges
    outweighs all others. Local means take the image as 0 beyond its border, so a bright border counts as an edge, and
    an added constant changes the value. Flat regions in the interior count nothing.

    It is for comparison with the published figures; use `ncc` for everything else. The formula and the 1e-5 are those
    of the scripts for the 2020 paper (an earlier version, with the arXiv preprint, used the mean of r² in windows of
    7); a floor inside the root, which they lack, keeps the gradient of a black image finite. Voxels outside the mask
    count as 0 in the local means and not at all in the sums.

    **Arguments:** `window`: side of the box in voxels, odd.

    Source: Chen et al., Medical Physics 47:6366 (2020).
    """

    window: OddWindow = 9

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        f, w = (self.without_local_mean(image) * mask for image in (fixed, warped))
        norms = tf.sqrt(total(f * f) + tiny(f)) * tf.sqrt(total(w * w) + tiny(w))
        return 1 - total(f * w) / (norms + 1e-5)

    def without_local_mean(self, image: ImageTensor) -> ImageTensor:
        """Return the image minus its mean in the box around each voxel, with zeros beyond the border."""
        # the windows cut at the border still divide by their full size: this is the zero padding
        return image - window_means(image, [box_taps(self.window)] * len(image.shape), valid=False)

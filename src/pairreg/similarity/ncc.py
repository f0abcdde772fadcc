"""Local normalised cross-correlation."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import tf
from pairreg.similarity.base import Similarity, masked_mean, tiny
from pairreg.similarity.windows import box_taps, gaussian_taps, window_statistics
from pairreg.validation import OddWindow


@final
@dataclass(frozen=True, kw_only=True)
class NCC(Similarity):
    """Compares images by `1 - mean(r²)`, r = Pearson's correlation in the window around each voxel.

    The loss goes from 0 (best: in every window one image is an affine function of the other) to 1 (unrelated).
    Anticorrelated windows match as well as correlated ones; with `signed` the loss is `1 - mean(r)`, from 0 to 2, and
    they are the worst. Flat windows (variance below 1e-5 of the image's) count as no match, r = 0, so the value of two
    equal images is their flat share. Windows average over the voxels that exist (image border, mask).

    **Arguments:** `window`: side of the window in voxels, odd. `kernel`: `box` weighs its voxels equally; `gaussian` by
    a centred Gaussian of σ = window/6 (the window ends at 3 σ), which looks at about half the distance. `signed`: tell
    correlated from anticorrelated windows.

    Source: Avants et al., Medical Image Analysis 12:26 (2008); Cachier et al., CVIU 89:272 (2003) for Gaussian windows;
    numerics in DeepReg PR 719 and voxelmorph PR 358.
    """

    window: OddWindow = 9
    kernel: Literal["box", "gaussian"] = "box"
    signed: bool = False

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        taps = [self.taps()] * len(fixed.shape)
        windows = window_statistics(fixed, warped, mask, taps, valid=False)
        variance_f = windows.variance_fixed + _flat_variance(fixed, mask)
        variance_w = windows.variance_warped + _flat_variance(warped, mask)
        if self.signed:
            return 1 - masked_mean(windows.covariance * tf.math.rsqrt(variance_f) * tf.math.rsqrt(variance_w), mask)
        # Two quotients: the gradient of one has the product of the variances squared, which underflows to 0 where
        # only a millionth of the voxels has contrast.
        correlation_squared = (windows.covariance / variance_f) * (windows.covariance / variance_w)
        return 1 - masked_mean(correlation_squared, mask)

    def taps(self) -> np.ndarray:
        """Return the weights of a window along each axis, which sum to 1."""
        return box_taps(self.window) if self.kernel == "box" else gaussian_taps(self.window / 6, self.window // 2)


def _flat_variance(image: ImageTensor, mask: MaskTensor) -> Scalar:
    """Return the variance below which a window is flat: in proportion to the image's own, so that no scale enters."""
    return 1e-5 * masked_mean((image - masked_mean(image, mask)) ** 2, mask) + tiny(image)

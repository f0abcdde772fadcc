"""Structural similarity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pairreg.arrays import ImageTensor, Mask, MaskTensor, Scalar
from pairreg.similarity.base import Similarity, masked_mean
from pairreg.similarity.windows import gaussian_taps, window_statistics
from pairreg.validation import Positive


@dataclass(frozen=True, kw_only=True)
class SSIM(Similarity):
    """Compares images of 2 or 3 dimensions by 1 less their mean structural similarity.

    `(2 f̄ w̄ + C1)(2 cov + C2) / ((f̄² + w̄² + C1)(var f + var w + C2))` in each window, C = (k · data_range)². The
    loss goes from 0 (best: equal images) over about 1 (unrelated) to 2 (anticorrelated, equal means). Two flat windows
    of the same brightness match.

    The windows are Gaussians (σ 1.5 voxels, 11 taps), and the mean is over the voxels whose window lies inside the
    image, equal to scikit-image with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`. On an axis of
    fewer than 11 voxels the window shrinks to the largest odd size that fits. With a mask, windows average over its
    voxels only.

    **Arguments:** `data_range`: span of the intensities, 1 for images in [0, 1]. `sigma`: of the Gaussian, in voxels,
    cut at 3.5 σ. `k1`, `k2`: constants that stabilise the ratios of brightness and of contrast.

    Source: Wang et al., IEEE TIP 13:600 (2004).
    """

    data_range: Positive = 1.0
    sigma: Annotated[float, Field(ge=0.1, le=100, allow_inf_nan=False)] = 1.5
    k1: Positive = 0.01
    k2: Positive = 0.03

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        radii = self.radii(fixed.shape)
        taps = [gaussian_taps(self.sigma, r) for r in radii]
        f, w, variance_f, variance_w, covariance = window_statistics(fixed, warped, mask, taps, valid=True)
        c1, c2 = (self.k1 * self.data_range) ** 2, (self.k2 * self.data_range) ** 2
        ssim = (2 * f * w + c1) * (2 * covariance + c2) / ((f * f + w * w + c1) * (variance_f + variance_w + c2))
        # The statistics exist for whole windows only, so the mask is cut to their centres.
        interior = tuple(slice(r, n - r) for r, n in zip(radii, fixed.shape, strict=True))
        return 1 - masked_mean(ssim, mask[interior])

    def uncounted(self, mask: Mask) -> str | None:
        radii = self.radii(mask.shape)
        if mask[tuple(slice(r, n - r) for r, n in zip(radii, mask.shape, strict=True))].any():
            return None
        return f"at least {max(radii)} voxels from the border of the image"

    def unfit_range(self, low: float, high: float) -> str | None:
        if (low, high) == (0, 1) or self.data_range == high - low:
            return None
        return f"data_range is {self.data_range:g}, and intensities go from {low:g} to {high:g}; give {high - low:g}."

    def radii(self, shape: Sequence[int]) -> list[int]:
        """Return the number of voxels to each side of a window's centre, per axis."""
        return [min(int(3.5 * self.sigma + 0.5), (n - 1) // 2) for n in shape]

from dataclasses import dataclass

from pairreg.backend import Tensor
from pairreg.separable import gaussian_taps
from pairreg.similarity.base import Similarity, masked_mean, window_statistics


@dataclass(frozen=True, kw_only=True)
class SSIM(Similarity):
    """One minus the mean structural similarity, N-D: 0 for equal images.

    Gaussian windows (σ 1.5 voxels, 11 taps), averaged over the voxels whose window lies inside the image; equal to
    scikit-image with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`. On an axis of fewer than 11
    voxels the window shrinks to the largest odd size that fits.

    **Arguments:** `data_range`: span of the intensities, 1 for images in [0, 1]. `sigma`: in voxels. `k1`, `k2`:
    stabilising constants.

    Source: Wang et al., IEEE TIP 13:600 (2004).
    """

    data_range: float = 1.0
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03

    def __post_init__(self) -> None:
        for name in ("data_range", "sigma", "k1", "k2"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} should be above 0; it is {getattr(self, name)}")

    def loss(self, fixed: Tensor, warped: Tensor, mask: Tensor) -> Tensor:
        radii = [min(int(3.5 * self.sigma + 0.5), (n - 1) // 2) for n in fixed.shape]
        taps = [gaussian_taps(self.sigma, r) for r in radii]
        f, w, vf, vw, cov, _ = window_statistics(fixed, warped, mask, taps, valid=True)
        c1, c2 = (self.k1 * self.data_range) ** 2, (self.k2 * self.data_range) ** 2
        ssim = (2 * f * w + c1) * (2 * cov + c2) / ((f * f + w * w + c1) * (vf + vw + c2))
        interior = tuple(slice(r, n - r) for r, n in zip(radii, fixed.shape, strict=True))
        return 1 - masked_mean(ssim, mask[interior])

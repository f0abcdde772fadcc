from dataclasses import dataclass

from pairreg.backend import Tensor, tf
from pairreg.separable import box_taps
from pairreg.similarity.base import Similarity, masked_mean, window_statistics


@dataclass(frozen=True, kw_only=True)
class NCC(Similarity):
    """Local normalised cross-correlation: `1 - mean(r²)`, r = Pearson's correlation in a window around each voxel.

    0 where every window of one image is an affine function of the other's. Windows average over the voxels that exist
    (image border, mask). Flat windows count as no match (r = 0), so the value of two equal images is their flat part.

    **Arguments:** `window`: side of the cubic window in voxels, odd.

    Source: Avants et al., Medical Image Analysis 12:26 (2008); numerics in DeepReg PR 719, voxelmorph PR 358.
    """

    window: int = 9

    def __post_init__(self) -> None:
        if self.window < 3 or self.window % 2 == 0:
            raise ValueError(f"window should be an odd number of at least 3 voxels; it is {self.window}")

    def loss(self, fixed: Tensor, warped: Tensor, mask: Tensor) -> Tensor:
        taps = [box_taps(self.window)] * len(fixed.shape)
        _, _, vf, vw, cov, _ = window_statistics(fixed, warped, mask, taps, valid=False)
        r2 = cov**2 / ((vf + flat_variance(fixed, mask)) * (vw + flat_variance(warped, mask)))
        return 1 - masked_mean(r2, mask)


def flat_variance(image: Tensor, mask: Tensor) -> Tensor:
    """The variance below which a window is flat: in proportion to the image's own, so that no intensity scale enters."""
    variance = masked_mean((image - masked_mean(image, mask)) ** 2, mask)
    return tf.stop_gradient(1e-5 * variance) + 1e-10

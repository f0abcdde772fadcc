"""The similarity of two images, by the values that the similarities of the same names turn into losses.

All functions take images `(*spatial,)` and an optional mask `(*spatial,)` whose voxels above 0 count, and return NaN if
no voxel does. None of them needs TensorFlow.
"""

import numpy as np
from scipy.ndimage import uniform_filter
from skimage.metrics import structural_similarity

from pairreg.arrays import Image, Mask
from pairreg.metrics.deformation import inside

_SIGMA = 1.5  # of the Gaussian window of SSIM, voxels
_RADIUS = 5  # of the same, cut at 3.5 σ


def mse(fixed: Image, warped: Image, mask: Mask | None = None) -> float:
    """Return the mean squared difference, in squared intensity: 0 is best."""
    f, w = _same_shape(fixed, warped)
    return _mean((inside(w, mask) - inside(f, mask)) ** 2)


def pcc(fixed: Image, warped: Image, mask: Mask | None = None) -> float:
    """Return Pearson's correlation of the two images, from -1 to 1 (best); NaN if one of them is constant."""
    f, w = (inside(image, mask).ravel() for image in _same_shape(fixed, warped))
    if not f.size or np.ptp(f) == 0 or np.ptp(w) == 0:
        return float("nan")
    return float(np.corrcoef(f, w)[0, 1])


def ssim(fixed: Image, warped: Image, data_range: float = 1.0, mask: Mask | None = None) -> float:
    """Return the mean structural similarity: 1 for equal images, about 0 for unrelated ones (it can be negative).

    It is scikit-image's, with Gaussian windows (σ 1.5 voxels, 11 taps) and population covariances; `data_range` is the
    span of the intensities. The mean is over the voxels whose window lies inside the image (on an axis of fewer than 11
    voxels: over the middle ones, the window reflected at the border), and in `mask` if there is one.

    Source: Wang et al., IEEE TIP 13:600 (2004).
    """
    f, w = _same_shape(fixed, warped)
    _, similarity = structural_similarity(
        f,
        w,
        win_size=1,  # only checked against the size of the image; the Gaussian has 11 taps
        data_range=data_range,
        gaussian_weights=True,
        sigma=_SIGMA,
        use_sample_covariance=False,
        full=True,
    )
    interior = tuple(slice(r, n - r) for n in f.shape for r in [min(_RADIUS, (n - 1) // 2)])
    return _mean(inside(similarity[interior], None if mask is None else mask[interior]))


def ncc(fixed: Image, warped: Image, window: int = 9, mask: Mask | None = None) -> float:
    """Return the mean of the squared local correlation in cubic windows of side `window` voxels, from 0 to 1 (best).

    Windows average over the voxels that exist (image border, mask). A flat window counts as 0: its variance is held
    against 1e-5 of the whole image's, as in `pairreg.similarity.ncc`.

    Source: Avants et al., Medical Image Analysis 12:26 (2008).
    """
    f, w = _same_shape(fixed, warped)
    m = np.ones(f.shape) if mask is None else (np.asarray(mask) > 0).astype(float)
    if not m.any():
        return float("nan")
    f, w = _centre(f, m), _centre(w, m)
    share = np.maximum(uniform_filter(m, window, mode="constant"), 1e-6)
    mean_f, mean_w = _local_mean(f, share, window), _local_mean(w, share, window)
    covariance = _local_mean(f * w, share, window) - mean_f * mean_w
    variance_f = np.maximum(_local_mean(f * f, share, window) - mean_f**2, 0) + _flat_variance(f, m)
    variance_w = np.maximum(_local_mean(w * w, share, window) - mean_w**2, 0) + _flat_variance(w, m)
    return _mean(inside(covariance**2 / (variance_f * variance_w), mask))


def covered_percent(known: Mask, mask: Mask | None = None) -> float:
    """Return the part of the image (of the mask) in %, at which the moving image is `known`, because it reaches there.

    Elsewhere the warped image has the lowest intensity of the moving one, which the other functions take as it is: they
    may call a registration worse that brought tissue together and the edge of the moving image into sight.
    """
    return 100 * _mean(inside(known, mask))


def _centre(image: Image, mask: Image) -> Image:
    """Return the image less its mean over the mask, 0 outside the mask: a bright flat window keeps its digits."""
    return np.where(mask > 0, image - image[mask > 0].mean(), 0.0)


def _local_mean(image: Image, share: Image, window: int) -> Image:
    """Return the mean over the voxels of each window that exist; `share`: the part of the window that does."""
    return uniform_filter(image, window, mode="constant") / share


def _flat_variance(image: Image, mask: Image) -> float:
    """Return the variance of a window that counts as flat, for an image centred over its mask."""
    return 1e-5 * float((image**2).sum() / mask.sum()) + 1e-10


def _same_shape(fixed: Image, warped: Image) -> tuple[Image, Image]:
    """Return both images as float64, for sums over millions of voxels; raises `ValueError` if their shapes differ."""
    if np.shape(fixed) != np.shape(warped):
        raise ValueError(f"fixed {np.shape(fixed)} and warped {np.shape(warped)} differ in shape")
    return np.asarray(fixed, np.float64), np.asarray(warped, np.float64)


def _mean(values: np.ndarray) -> float:
    """Return the mean; NaN for no values."""
    return float(values.mean()) if values.size else float("nan")

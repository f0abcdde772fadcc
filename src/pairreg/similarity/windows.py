"""Means, variances and the covariance of two images in the window around each voxel."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pairreg.arrays import ImageTensor, MaskTensor
from pairreg.backend import Tensor, forgettable, kept, tf, with_gradient
from pairreg.similarity.base import masked_mean


def box_taps(window: int) -> np.ndarray:
    """Return `window` equal weights, which sum to 1."""
    return np.full(window, 1.0 / window)


def gaussian_taps(sigma: float, radius: int) -> np.ndarray:
    """Return `2 radius + 1` samples of a centred Gaussian, which sum to 1; `sigma` in samples."""
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return taps / taps.sum()


def window_means(x: ImageTensor, taps: Sequence[np.ndarray], valid: bool) -> ImageTensor:
    """Return weighted means over a centred window.

    **Arguments:** `taps[d]`: the weights along axis d (an odd number, symmetric, sum 1). `valid`: return only the
    positions where the window lies inside, so axis d has `len(taps[d]) - 1` fewer. Otherwise every position is
    returned, with zeros beyond the border (the caller divides by the same mean of the mask).
    """
    for axis, weights in enumerate(taps):
        if len(weights) > 1:
            x = _means_along(axis, tuple(weights.tolist()), valid)(x)
    return x


@functools.cache
def _means_along(axis: int, taps: tuple[float, ...], valid: bool) -> Callable[[Tensor], Tensor]:
    radius = len(taps) // 2

    def padded_sum(x: Tensor, width: int) -> Tensor:
        padded = tf.pad(x, [[width, width] if d == axis else [0, 0] for d in range(len(x.shape))]) if width else x
        return _shifted_sum(axis, taps)(padded)

    def gradient(inputs: Sequence[Tensor], outputs: Sequence[Tensor], upstream: Tensor) -> list[Tensor]:
        del inputs, outputs
        return [padded_sum(upstream, 2 * radius if valid else radius)]  # symmetric taps: a window mean too

    @with_gradient("window_means", gradient)
    def means(x: Tensor) -> Tensor:
        return padded_sum(x, 0 if valid else radius)

    return means


@forgettable
@functools.cache
def _shifted_sum(axis: int, taps: tuple[float, ...]) -> Callable[[Tensor], Tensor]:
    """Return a function that computes `Σ taps[k] x[... + k]` along one axis.

    Under XLA it takes a third of the time of a product with a band matrix.
    """
    radius = len(taps) // 2

    def shifted_sum(x: Tensor) -> Tensor:
        size = [n - 2 * radius if d == axis else n for d, n in enumerate(x.shape)]

        def shifted(k: int) -> Tensor:
            return tf.slice(x, [k if d == axis else 0 for d in range(len(size))], size)

        y = taps[radius] * shifted(radius)
        for k in range(1, radius + 1):
            y += taps[radius + k] * (shifted(radius - k) + shifted(radius + k))
        return kept(y, x)  # else the sums along one axis are computed anew for each tap of the next

    # a function of its own is traced once and called for every image
    traced: Callable[[Tensor], Tensor] = tf.function(shifted_sum, autograph=False)
    return traced


class Windows(NamedTuple):
    """The statistics of the window around each voxel."""

    mean_fixed: Tensor
    mean_warped: Tensor
    variance_fixed: Tensor
    variance_warped: Tensor
    covariance: Tensor


def window_statistics(
    fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor, taps: Sequence[np.ndarray], valid: bool
) -> Windows:
    """Return the weighted statistics of the windows; `taps` and `valid` as in `window_means`.

    Each window averages over its voxels in the mask only, so neither the border nor what lies outside the mask leaks
    in. The images are centred first: in float32, `E[x²] - E[x]²` of a bright flat window loses all its digits
    otherwise. The statistics do not depend on what is subtracted, so it has no part in the gradient.
    """
    share = tf.maximum(window_means(mask, taps, valid), 1e-12)  # a window without any voxel of the mask is not counted
    shift_f, shift_w = (tf.stop_gradient(masked_mean(image, mask)) for image in (fixed, warped))
    f, w = (fixed - shift_f) * mask, (warped - shift_w) * mask
    # five arrays, not channels of one: half the time, as those of `fixed` then need no backward pass
    mean_f, mean_w, ff, ww, fw = (window_means(x, taps, valid) / share for x in (f, w, f * f, w * w, f * w))
    variance_f, variance_w = tf.nn.relu(ff - mean_f**2), tf.nn.relu(ww - mean_w**2)
    return Windows(mean_f + shift_f, mean_w + shift_w, variance_f, variance_w, fw - mean_f * mean_w)

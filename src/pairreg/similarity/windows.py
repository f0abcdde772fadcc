"""Means, variances and the covariance of two images in the window around each voxel."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pairreg.backend import Tensor, tf
from pairreg.separable import along_axes, window_matrix
from pairreg.similarity.base import masked_mean


class Windows(NamedTuple):
    """Statistics of the window around each voxel."""

    mean_fixed: Tensor
    mean_warped: Tensor
    variance_fixed: Tensor
    variance_warped: Tensor
    covariance: Tensor


def window_statistics(fixed: Tensor, warped: Tensor, mask: Tensor, taps: Sequence[np.ndarray], valid: bool) -> Windows:
    """Weighted statistics of the windows; `taps` are the weights along each axis, `valid` as in `window_matrix`.

    Each window averages over its voxels in the mask only, so neither the border nor what lies outside the mask leaks
    in. The images are centred first: `E[x²] - E[x]²` of a bright flat window loses all its digits otherwise (NUMERICS
    D1). The statistics do not depend on what is subtracted, so it has no part in the gradient.
    """
    matrices = [window_matrix(n, t, valid) for n, t in zip(fixed.shape, taps, strict=True)]
    share = tf.maximum(along_axes(mask, matrices), 1e-12)
    shift_f, shift_w = (tf.stop_gradient(masked_mean(image, mask)) for image in (fixed, warped))
    f, w = (fixed - shift_f) * mask, (warped - shift_w) * mask
    # five arrays, not channels of one: half the time, as those of `fixed` then need no backward pass
    mean_f, mean_w, ff, ww, fw = (along_axes(x, matrices) / share for x in (f, w, f * f, w * w, f * w))
    variance_f, variance_w = tf.nn.relu(ff - mean_f**2), tf.nn.relu(ww - mean_w**2)
    return Windows(mean_f + shift_f, mean_w + shift_w, variance_f, variance_w, fw - mean_f * mean_w)

"""Means, variances and the covariance of two images in the window around each voxel."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pairreg.backend import Tensor, tf
from pairreg.separable import Matrix, along_axis, window_matrix
from pairreg.similarity.base import masked_mean

BLOCK = 96  # rows of a window matrix that are applied at once


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
    share = tf.maximum(windowed(mask, matrices), 1e-12)
    shift_f, shift_w = (tf.stop_gradient(masked_mean(image, mask)) for image in (fixed, warped))
    f, w = (fixed - shift_f) * mask, (warped - shift_w) * mask
    # five arrays, not channels of one: half the time, as those of `fixed` then need no backward pass
    mean_f, mean_w, ff, ww, fw = (windowed(x, matrices) / share for x in (f, w, f * f, w * w, f * w))
    variance_f, variance_w = tf.nn.relu(ff - mean_f**2), tf.nn.relu(ww - mean_w**2)
    return Windows(mean_f + shift_f, mean_w + shift_w, variance_f, variance_w, fw - mean_f * mean_w)


def windowed(x: Tensor, matrices: Sequence[Matrix]) -> Tensor:
    """Apply window matrices along all axes, as `along_axes` does; half its time from 160 voxels per axis.

    The matrices are bands: each block of rows needs only the columns that its windows reach.
    """
    for axis, matrix in enumerate(matrices):
        if not is_identity(matrix):
            blocks = [matrix[start : start + BLOCK] for start in range(0, len(matrix), BLOCK)]
            parts = [along_axis(*reached(x, block, axis), axis) for block in blocks]
            x = tf.concat(parts, axis) if len(parts) > 1 else parts[0]
    return x


def is_identity(matrix: Matrix) -> bool:
    return matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix)))


def reached(x: Tensor, block: Matrix, axis: int) -> tuple[Tensor, Matrix]:
    """The part of `x` that these rows use, and their columns for it."""
    columns = np.flatnonzero(block.any(axis=0))
    part = slice(int(columns[0]), int(columns[-1]) + 1)
    return x[(*(slice(None),) * axis, part)], block[:, part]

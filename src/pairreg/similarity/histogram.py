"""Joint histograms of two images, smoothed by Parzen windows, and their entropy."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.backend.memory import lack_of_memory
from pairreg.similarity.base import Similarity, outside_of_0_to_1

_FINE = 4  # histogram cells per Parzen bin, and per σ
_BYTES = 32  # per cell of the fine histogram, for the shares of four cells in float64


@dataclass(frozen=True, kw_only=True)
class HistogramSimilarity(Similarity):
    """The base of similarities that are computed from the joint histogram of two images on [0, 1].

    The histogram is smoothed by Gaussian Parzen windows.

    **Arguments:** `bins`: Parzen windows per image, at least 4. `sigma`: their width in bins, at least 0.1, at most
    `bins`.
    """

    bins: Annotated[int, Field(ge=4, le=1024)] = 32
    sigma: Annotated[float, Field(ge=0.1, allow_inf_nan=False)] = 1.0

    def problem(self) -> str | None:
        if self.sigma > self.bins:
            return f"sigma should be at most bins, {self.bins}; it is {self.sigma}."
        needed = _BYTES * fine_cells(self.bins, self.sigma) ** 2 / 1e9
        lack = lack_of_memory(f"a joint histogram with bins={self.bins} and sigma={self.sigma:g}", needed)
        return super().problem() if lack is None else lack.replace("choose less", "choose fewer bins or a larger sigma")

    def unfit_range(self, low: float, high: float) -> str | None:
        return outside_of_0_to_1(low, high)


def fine_cells(bins: int, sigma: float) -> int:
    """Return how many cells per axis the histogram has to which the Parzen windows are applied."""
    return math.ceil(_FINE * max(1.0, 1 / sigma)) * (bins - 1) + 1


def entropies(
    fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor, bins: int, sigma: float
) -> tuple[Scalar, Scalar, Scalar]:
    """Return the entropies of the fixed image, of the warped one, and of both together, in nats (float64)."""
    joint = joint_histogram(fixed, warped, mask, bins, sigma)
    return _entropy(tf.reduce_sum(joint, 1)), _entropy(tf.reduce_sum(joint, 0)), _entropy(joint)


def _entropy(p: Tensor) -> Scalar:
    """Return the entropy in nats; 1e-12 is far below 1/bins² and keeps the gradient finite at p = 0."""
    return -tf.reduce_sum(p * tf.math.log(p + 1e-12))


def joint_histogram(fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor, bins: int, sigma: float) -> Tensor:
    """Return the joint Parzen histogram `(bins, bins)` of two images on [0, 1], in float64; rows belong to `fixed`.

    It sums to 1. There is never a table of voxels by bins: each voxel is shared linearly among the four nearest cells
    of a histogram four times finer than the bins (and than σ), and the Parzen windows are applied to that histogram.
    This is the exact Gaussian window to 1 % of its peak. Each voxel's windows sum to 1, also at the ends of the range.
    """
    cells = fine_cells(bins, sigma)
    row, row_fraction = _cell_of(fixed, cells)
    column, column_fraction = _cell_of(warped, cells)
    shares = [
        a * b * tf.reshape(mask, [-1])
        for a in (1 - row_fraction, row_fraction)
        for b in (1 - column_fraction, column_fraction)
    ]
    # the background fills one cell, and float32 cannot count beyond 2^24
    shares = tf.cast(tf.stack(shares, axis=-1), tf.float64)
    corner = tf.reshape(tf.math.unsorted_segment_sum(shares, row * cells + column, cells * cells), (cells, cells, 4))
    # the four shares of a cell belong to itself and its neighbours to the right, below, and both
    fine = corner[..., 0]
    fine += tf.pad(corner[:, :-1, 1], [[0, 0], [1, 0]])
    fine += tf.pad(corner[:-1, :, 2], [[1, 0], [0, 0]])
    fine += tf.pad(corner[:-1, :-1, 3], [[1, 0], [1, 0]])
    windows = tf.constant(parzen_windows(bins, cells, sigma))
    return windows @ fine @ tf.transpose(windows) / tf.maximum(tf.reduce_sum(fine), 1)


def _cell_of(image: ImageTensor, cells: int) -> tuple[Tensor, Tensor]:
    """Return the index of the cell below each intensity, and the part of the way to the next cell."""
    position = tf.clip_by_value(tf.reshape(image, [-1]), 0, 1) * (cells - 1)
    low = tf.minimum(tf.floor(position), cells - 2)
    return tf.cast(low, tf.int32), position - low


def parzen_windows(bins: int, cells: int, sigma: float) -> np.ndarray:
    """Return the weight `(bins, cells)` of each fine histogram cell in each bin; every column sums to 1."""
    distance = np.arange(bins)[:, None] - np.linspace(0, bins - 1, cells)[None, :]
    windows: np.ndarray = np.exp(-0.5 * (distance / sigma) ** 2)
    return windows / windows.sum(axis=0)

from dataclasses import dataclass

import numpy as np

from pairreg.backend import Tensor, tf
from pairreg.similarity.base import Similarity

FINE = 4  # histogram cells per Parzen bin


@dataclass(frozen=True, kw_only=True)
class MI(Similarity):
    """Minus the mutual information in nats, for images of different modality; 0 for unrelated images, best is most negative.

    Gaussian Parzen windows on [0, 1]; intensities beyond count at the end of the range.

    **Arguments:** `bins`: Parzen windows per image. `sigma`: their width in bins.

    Source: Viola & Wells, IJCV 24:137 (1997); Thévenaz & Unser, IEEE TIP 9:2083 (2000).
    """

    bins: int = 32
    sigma: float = 1.0

    def __post_init__(self) -> None:
        if self.bins < 4:
            raise ValueError(f"bins should be at least 4; it is {self.bins}")
        if self.sigma <= 0:
            raise ValueError(f"sigma should be above 0 bins; it is {self.sigma}")

    def loss(self, fixed: Tensor, warped: Tensor, mask: Tensor) -> Tensor:
        joint = joint_histogram(fixed, warped, mask, self.bins, self.sigma)
        marginal_fixed, marginal_warped = tf.reduce_sum(joint, 1), tf.reduce_sum(joint, 0)
        return entropy(joint) - entropy(marginal_fixed) - entropy(marginal_warped)


def entropy(p: Tensor) -> Tensor:
    """In nats; 1e-12 is far below 1/bins² and keeps the gradient finite at p = 0."""
    return -tf.reduce_sum(p * tf.math.log(p + 1e-12))


def joint_histogram(fixed: Tensor, warped: Tensor, mask: Tensor, bins: int, sigma: float) -> Tensor:
    """Joint Parzen histogram `(bins, bins)` of two images on [0, 1], summing to 1; rows belong to `fixed`.

    Never holds a table of voxels by bins: each voxel is shared linearly among the four nearest cells of a histogram
    four times finer than the bins, and the Parzen windows are applied to that histogram. With the default σ this is
    the exact Gaussian window to 1 % of its peak. Each voxel's windows sum to 1, also at the ends of the range.
    """
    cells = FINE * (bins - 1) + 1
    row, row_fraction = cell_of(fixed, cells)
    column, column_fraction = cell_of(warped, cells)
    shares = [
        a * b * tf.reshape(mask, [-1])
        for a in (1 - row_fraction, row_fraction)
        for b in (1 - column_fraction, column_fraction)
    ]
    # float32 cannot count beyond 2^24, and the background fills one cell: count in parts
    parts = 1 + int(np.prod(fixed.shape)) // 2**20
    part = tf.range(tf.size(row)) % parts
    cell = (part * cells + row) * cells + column
    corner = tf.math.unsorted_segment_sum(tf.stack(shares, axis=-1), cell, parts * cells * cells)
    corner = tf.reduce_sum(tf.reshape(corner, (parts, cells, cells, 4)), 0)
    # the four shares of a cell belong to itself and its neighbours below, right, and both
    fine = corner[..., 0]
    fine += tf.pad(corner[:, :-1, 1], [[0, 0], [1, 0]])
    fine += tf.pad(corner[:-1, :, 2], [[1, 0], [0, 0]])
    fine += tf.pad(corner[:-1, :-1, 3], [[1, 0], [1, 0]])
    windows = tf.constant(parzen_windows(bins, cells, sigma), fixed.dtype)
    return windows @ fine @ tf.transpose(windows) / tf.maximum(tf.reduce_sum(mask), 1)


def cell_of(image: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Index of the cell below each intensity, and how far the intensity is on its way to the next one."""
    position = tf.clip_by_value(tf.reshape(image, [-1]), 0, 1) * (cells - 1)
    low = tf.minimum(tf.floor(position), cells - 2)
    return tf.cast(low, tf.int32), position - low


def parzen_windows(bins: int, cells: int, sigma: float) -> np.ndarray:
    distance = np.arange(bins)[:, None] - np.linspace(0, bins - 1, cells)[None, :]
    windows = np.exp(-0.5 * (distance / sigma) ** 2)
    return windows / windows.sum(axis=0)

"""The images of a resolution level: means over blocks of voxels."""

from collections.abc import Sequence

import numpy as np

from pairreg.arrays import Image


def block_mean(array: np.ndarray, factors: Sequence[int]) -> Image:
    """Return the means over blocks of `factors` voxels, `(*spatial,) -> (*ceil(spatial / factors),)`, as float32.

    Blocks that reach beyond the image are filled up with its border value.
    """
    widths = [(0, -n % f) for n, f in zip(array.shape, factors, strict=True)]
    padded = np.pad(array, widths, mode="edge")
    split = [k for n, f in zip(padded.shape, factors, strict=True) for k in (n // f, f)]
    mean: np.ndarray = padded.reshape(split).mean(axis=tuple(range(1, 2 * array.ndim, 2)), dtype=np.float64)
    return mean.astype(np.float32)

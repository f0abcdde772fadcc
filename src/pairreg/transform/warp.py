"""The spatial transformer: pull the moving image back through a displacement field."""

import itertools
from typing import NamedTuple

import numpy as np

from pairreg.backend import Tensor, tf


def warp(moving: Tensor, field: Tensor, usable: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`warped(x) = moving(x + u(x))` by linear interpolation, and where `x + u(x)` lies inside the moving image.

    `moving` `(*spatial,)`, `field` `(*spatial, ndim)` in voxels, components in array axis order; `usable`: the
    `usable_cells` of the moving image's mask. Returns the warped image and a boolean coverage, both `(*spatial,)`.
    Outside, the image holds its border value; coverage is False, and such voxels do not count in a similarity.
    """
    cells = cells_of(field)
    warped = values_in(cells, moving)
    inside = cells.inside
    if usable is not None:
        inside &= tf.gather(tf.reshape(usable, [-1]), cells.base)
    return warped, inside


def interpolate(values: Tensor, field: Tensor) -> Tensor:
    """`values` `(*spatial, channels)` at `x + u(x)`, held constant beyond the border."""
    return values_in(cells_of(field), values)


class Cells(NamedTuple):
    """Where each voxel's sampling position lies: its interpolation cell and the place within."""

    shape: list[int]
    base: Tensor  # flat index of the cell's first corner
    fractions: list[Tensor]  # per axis, 0 to 1
    inside: Tensor  # whether the position lies inside the image


def cells_of(field: Tensor) -> Cells:
    shape = [int(n) for n in field.shape[:-1]]
    base: Tensor = tf.zeros((), tf.int32)
    inside: Tensor = tf.constant(True)
    fractions = []
    for d, n in enumerate(shape):
        index = tf.range(n, dtype=field.dtype)
        x = tf.reshape(index, [-1 if e == d else 1 for e in range(len(shape))]) + field[..., d]
        inside &= (x >= 0) & (x <= n - 1)
        low = tf.clip_by_value(tf.floor(x), 0, max(n - 2, 0))
        fractions.append(tf.clip_by_value(x - low, 0, 1))
        base += tf.cast(low, tf.int32) * strides(shape)[d]
    return Cells(shape, base, fractions, inside)


def values_in(cells: Cells, values: Tensor) -> Tensor:
    """Linear interpolation of `values` `(*spatial,)` or `(*spatial, channels)`."""
    ndim = len(cells.shape)
    channels = list(values.shape[ndim:])
    flat = tf.reshape(values, [-1, *channels])
    corners = []
    for corner in itertools.product((0, 1), repeat=ndim):
        step = sum(c * s for c, s, n in zip(corner, strides(cells.shape), cells.shape, strict=True) if n > 1)
        corners.append(tf.gather(flat, cells.base + step))
    for fraction in reversed(cells.fractions):  # the last axis varies fastest among the corners
        fraction = tf.reshape(fraction, [*fraction.shape, *[1] * len(channels)])
        corners = [a + fraction * (b - a) for a, b in zip(corners[::2], corners[1::2], strict=True)]
    return corners[0]


def strides(shape: list[int]) -> list[int]:
    """Steps in the flat array per step along each axis."""
    return [int(np.prod(shape[d + 1 :])) for d in range(len(shape))]


def usable_cells(mask: Tensor) -> Tensor:
    """For each voxel, whether all corners of the interpolation cell that begins there lie in `mask` `(*spatial,)`."""
    usable = tf.cast(mask, tf.bool)
    for axis, n in enumerate(mask.shape):
        following = tf.gather(usable, np.minimum(np.arange(1, n + 1), n - 1), axis=axis)
        usable &= following
    return usable

"""The spatial transformer: pull the moving image back through a displacement field."""

import itertools

import numpy as np

from pairreg.backend import Tensor, tf


def warp(moving: Tensor, field: Tensor, usable: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`warped(x) = moving(x + u(x))` by linear interpolation, and where `x + u(x)` lies inside the moving image.

    `moving` `(*spatial,)`, `field` `(*spatial, ndim)` in voxels, components in array axis order; `usable`: the
    `usable_cells` of the moving image's mask. Returns the warped image and a boolean coverage, both `(*spatial,)`.
    Outside, the image holds its border value; coverage is False, and such voxels do not count in a similarity.
    """
    shape = [int(n) for n in moving.shape]
    strides = [int(np.prod(shape[d + 1 :])) for d in range(len(shape))]
    base: Tensor = tf.zeros((), tf.int32)
    inside: Tensor = tf.constant(True)
    fractions = []
    for d, n in enumerate(shape):
        index = tf.range(n, dtype=field.dtype)
        x = tf.reshape(index, [-1 if e == d else 1 for e in range(len(shape))]) + field[..., d]
        inside &= (x >= 0) & (x <= n - 1)
        low = tf.clip_by_value(tf.floor(x), 0, max(n - 2, 0))
        fractions.append(tf.clip_by_value(x - low, 0, 1))
        base += tf.cast(low, tf.int32) * strides[d]
    flat = tf.reshape(moving, [-1])
    values = []
    for corner in itertools.product((0, 1), repeat=len(shape)):
        steps = sum(c * s for c, s, n in zip(corner, strides, shape, strict=True) if n > 1)
        values.append(tf.gather(flat, base + steps))
    for fraction in reversed(fractions):  # the last axis varies fastest among the corners
        values = [a + fraction * (b - a) for a, b in zip(values[::2], values[1::2], strict=True)]
    if usable is not None:
        inside &= tf.gather(tf.reshape(usable, [-1]), base)
    return values[0], inside


def usable_cells(mask: Tensor) -> Tensor:
    """For each voxel, whether all corners of the interpolation cell that begins there lie in `mask` `(*spatial,)`."""
    usable = tf.cast(mask, tf.bool)
    for axis, n in enumerate(mask.shape):
        following = tf.gather(usable, np.minimum(np.arange(1, n + 1), n - 1), axis=axis)
        usable &= following
    return usable

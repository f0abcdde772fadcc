"""The spatial transformer: pull the moving image back through a displacement field."""

import functools
import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pairreg.arrays import FieldTensor, ImageTensor, MaskTensor
from pairreg.backend import Tensor, tf, with_gradient


def warp(
    moving: ImageTensor, field: FieldTensor, usable: MaskTensor | None = None, before: Tensor | None = None
) -> tuple[ImageTensor, MaskTensor]:
    """Return `warped(x) = moving(x + u(x))` by linear interpolation, and where `x + u(x)` lies inside the moving image.

    **Arguments:** `moving` `(*spatial,)` or `(*spatial, maps)`, or larger; `field` `(*spatial, ndim)` in voxels,
    components in array axis order; `usable`: the `usable_cells` of the moving image's mask; `before` `(ndim,)`, int32:
    how many voxels of the moving image lie before the first one of the field along each axis, None: 0.

    The results are like `moving` on the grid of `field`, and `(*spatial,)`. The warped image is differentiable in
    `field` only; outside the moving image it holds the border value. There the boolean coverage is False, and such
    voxels do not count in a similarity.
    """
    before = _none_before(field) if before is None else before
    cells = _cells_of(field, _spatial_shape(moving, field), before)
    inside = functools.reduce(operator.and_, cells.inside)
    if usable is not None:
        inside &= tf.gather(tf.reshape(usable, [-1]), cells.base)
    return _sampled(moving, field, before), inside


def _sampled_gradient(inputs: Sequence[Tensor], outputs: Sequence[Tensor], upstream: Tensor) -> list[Tensor | None]:
    del outputs
    moving, field, before = inputs
    cells = _cells_of(field, _spatial_shape(moving, field), before)
    return [None, _by_position(cells, moving, upstream), None]


@with_gradient("sampled", _sampled_gradient)
def _sampled(moving: ImageTensor, field: FieldTensor, before: Tensor) -> ImageTensor:
    """Return `moving(x + u(x))`.

    The derivative by `field` is in closed form, which takes a third of the time of the automatic one.
    """
    return _values_in(_cells_of(field, _spatial_shape(moving, field), before), moving)


def interpolate(values: Tensor, field: FieldTensor) -> Tensor:
    """Return `values` `(*spatial, channels)` at `x + u(x)`, held constant beyond the border."""
    return _values_in(_cells_of(field, _spatial_shape(values, field), _none_before(field)), values)


def interpolation_gradient(field: FieldTensor, upstream: FieldTensor) -> FieldTensor:
    """Return the derivative by `field` of `interpolate(field, field)`, from the one by its result."""
    cells = _cells_of(field, _spatial_shape(field, field), _none_before(field))
    return _by_position(cells, field, upstream) + _spread(cells, upstream)


def _spatial_shape(values: Tensor, field: Tensor) -> list[int]:
    """Return the lengths of the spatial axes of `values`, which may have further axes."""
    return [int(n) for n in values.shape[: field.shape[-1]]]


def _none_before(field: Tensor) -> Tensor:
    """Return the `before` of an image that begins where the grid of the field does."""
    return tf.zeros(int(field.shape[-1]), tf.int32)


def inner(wide: Tensor, before: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the part `shape` of an image `wide` that begins `before` voxels `(ndim,)` after its first one."""
    return wide if list(wide.shape) == list(shape) else tf.slice(wide, before, shape)


class Cells(NamedTuple):
    """The interpolation cell of each voxel's sampling position `x + u(x)`, and the place within the cell."""

    shape: list[int]
    base: Tensor  # flat index of the cell's first corner
    fractions: list[Tensor]  # per axis, 0 to 1
    inside: list[Tensor]  # per axis, whether the position lies inside the image


def _cells_of(field: FieldTensor, shape: list[int], before: Tensor) -> Cells:
    """Return the cells of an image of `shape`, of which `before` voxels `(ndim,)` lie before the grid of `field`."""
    base: Tensor = tf.zeros((), tf.int32)
    fractions, inside = [], []
    firsts, shifts = tf.unstack(-tf.cast(before, field.dtype)), tf.unstack(field, axis=-1)
    for d, (n, wide, first, shift) in enumerate(zip(field.shape[:-1], shape, firsts, shifts, strict=True)):
        index = tf.range(n, dtype=field.dtype)
        x = tf.reshape(index, [-1 if e == d else 1 for e in range(len(shape))]) + shift
        inside.append((x >= first) & (x <= first + (wide - 1)))
        # The last cell ends at the far border: a position on the border does not begin another one. The division rounds
        # down, and is translated for XLA 10 ms faster than `tf.floor`.
        low = tf.clip_by_value(x // 1, first, first + max(wide - 2, 0))
        fractions.append(tf.clip_by_value(x - low, 0, 1))
        base += tf.cast(low - first, tf.int32) * _strides(shape)[d]
    return Cells(shape, base, fractions, inside)


def _values_in(cells: Cells, values: Tensor, slope_along: int | None = None) -> Tensor:
    """Return the linear interpolation of `values`, or its derivative along the axis `slope_along`.

    `values` are `(*spatial,)` or `(*spatial, channels)`.
    """
    ndim = len(cells.shape)
    channels = list(values.shape[ndim:])
    flat = tf.reshape(values, [-1, *channels])
    corners = []
    for _, index in _corners(cells):
        if slope_along is not None:
            # all indices are below this already. XLA merges equal gathers, and then writes each corner to memory
            index = tf.minimum(index, flat.shape[0] + slope_along)
        corners.append(tf.gather(flat, index))
    for d in reversed(range(ndim)):
        fraction = cells.fractions[d]
        if channels:
            fraction = tf.reshape(fraction, [*fraction.shape, *[1] * len(channels)])
        pairs = zip(corners[::2], corners[1::2], strict=True)
        corners = [b - a if d == slope_along else a + fraction * (b - a) for a, b in pairs]
    return corners[0]


def _by_position(cells: Cells, values: Tensor, upstream: Tensor) -> FieldTensor:
    """Return the derivative by the sampling positions from that by the interpolated `values`."""
    slopes = [_values_in(cells, values, slope_along=d) for d in range(len(cells.shape))]
    if slopes[0].shape.rank > len(cells.shape):  # several maps move with one field
        slopes, upstream = [tf.reduce_sum(upstream * s, -1) for s in slopes], tf.ones((), upstream.dtype)
    parts = [upstream * tf.where(i, s, 0) for i, s in zip(cells.inside, slopes, strict=True)]
    return tf.stack(parts, axis=-1)


def _spread(cells: Cells, values: Tensor) -> Tensor:
    """Return the sum, at each voxel, of the `values` `(*spatial, channels)` by their shares in its interpolation."""
    channels = int(values.shape[-1])
    found = tf.zeros([int(np.prod(cells.shape)), channels], values.dtype)
    for corner, index in _corners(cells):
        shares = [f if c else 1 - f for c, f in zip(corner, cells.fractions, strict=True)]
        parts = functools.reduce(operator.mul, shares)[..., None] * values
        found = tf.tensor_scatter_nd_add(found, tf.reshape(index, [-1, 1]), tf.reshape(parts, [-1, channels]))
    return tf.reshape(found, values.shape)


def _corners(cells: Cells) -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """Yield the corners of the cells, the last axis varying fastest: 0 or 1 along each axis, and their flat indices.

    Along an axis of one voxel both are that voxel.
    """
    steps = [stride if n > 1 else 0 for stride, n in zip(_strides(cells.shape), cells.shape, strict=True)]
    for corner in itertools.product((0, 1), repeat=len(steps)):
        yield corner, cells.base + sum(map(operator.mul, corner, steps))


def _strides(shape: list[int]) -> list[int]:
    """Return the steps in the flat array per step along each axis."""
    return [int(np.prod(shape[d + 1 :])) for d in range(len(shape))]


def usable_cells(mask: MaskTensor) -> MaskTensor:
    """Return for each voxel whether all corners of the interpolation cell that begins there lie in `mask`.

    Both are `(*spatial,)`.
    """
    usable = tf.cast(mask, tf.bool)
    for axis, n in enumerate(mask.shape):
        following = tf.gather(usable, np.minimum(np.arange(1, n + 1), n - 1), axis=axis)
        usable &= following
    return usable

"""Pointwise layers on 16-bit maps `(1, *spatial, channels)`, computed in float32 without float32 copies in memory.

TensorFlow's operations on the CPU would need such copies, which take longer than the work itself.
"""

import math
from collections.abc import Sequence

from pairreg.backend import Tensor, compiled, tf, with_gradient

_ROWS = 8  # of an image whose sums are taken at once: XLA steps through memory in strides of a row


def rectify(x: Tensor, offset: Tensor) -> Tensor:
    """Return `max(x + offset, 0)`, with one offset per channel, in the precision of `x`."""
    y: Tensor = _rectify(x, tf.cast(offset, tf.float32))
    return y


def _rectified_gradient(inputs: Sequence[Tensor], outputs: Sequence[Tensor], upstream: Tensor) -> Sequence[Tensor]:
    del inputs
    by_inputs: Sequence[Tensor] = _rectification_gradient(outputs[0], upstream)
    return by_inputs


@with_gradient("rectified", _rectified_gradient)
def _rectify(x: Tensor, offset: Tensor) -> Tensor:
    return _rectification(x, _as_row(offset, x))


@compiled
def _rectification(x: Tensor, offset: Tensor) -> Tensor:
    return _like(x, tf.nn.relu(_rows(x) + offset))


@compiled
def _rectification_gradient(y: Tensor, by_y: Tensor) -> tuple[Tensor, Tensor]:
    by_x = tf.where(_rows(y) > 0, _rows(by_y), 0.0)
    return _like(y, by_x), _total(by_x, y)


def rectify_and_normalise(x: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> Tensor:
    """Return `max(x, 0)` with mean 0 and deviation 1 per channel, times `scale`, plus `offset`.

    A value per channel goes from one program to the next as a whole row of them: XLA would look up the channel of every
    element otherwise, at half the speed.
    """
    y: Tensor = _rectify_and_normalise(x, scale, offset, tf.constant(epsilon))
    return y


def _normalised_gradient(inputs: Sequence[Tensor], outputs: Sequence[Tensor], upstream: Tensor) -> list[Tensor | None]:
    x, scale, *_ = inputs
    _, mean, inverse_deviation = outputs
    by_scale, by_offset, *plane = _gradient_statistics(x, upstream, scale, mean, inverse_deviation)
    return [_normalization_gradient(x, upstream, *plane), by_scale, by_offset, None]


@with_gradient("rectified_normalised", _normalised_gradient)
def _rectify_and_normalise(x: Tensor, scale: Tensor, offset: Tensor, epsilon: Tensor) -> tuple[Tensor, ...]:
    mean, inverse_deviation, *line = _statistics(x, scale, offset, epsilon)
    return _normalization(x, *line), mean, inverse_deviation


@compiled
def _statistics(x: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> tuple[Tensor, ...]:
    """Return the mean, 1 / deviation, and the rows a, b of y = a max(x, 0) + b."""
    values, count = _positive(x), math.prod(x.shape[:-1])
    mean = _total(values, x) / count
    # products of 16-bit numbers are exact in float32, so little is lost by the difference
    variance = tf.maximum(_total(values * values, x) / count - mean * mean, 0.0)
    inverse_deviation = tf.math.rsqrt(variance + epsilon)
    slope = scale * inverse_deviation
    return mean, inverse_deviation, _as_row(slope, x), _as_row(offset - slope * mean, x)


@compiled
def _normalization(x: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    return _like(x, _positive(x) * slope + shift)


@compiled
def _gradient_statistics(
    x: Tensor, by_y: Tensor, scale: Tensor, mean: Tensor, inverse_deviation: Tensor
) -> tuple[Tensor, ...]:
    """Return the derivatives by scale and offset, and three rows a, b, c of the derivative by x.

    Where x > 0 that is a x + b (derivative by y) + c.
    """
    values, derivatives, count = _positive(x), _rows(by_y), math.prod(x.shape[:-1])
    by_offset = _total(derivatives, x)
    by_scale = (_total(derivatives * values, x) - mean * by_offset) * inverse_deviation
    slope = scale * inverse_deviation
    by_x = -slope * inverse_deviation * by_scale / count
    rest = -by_x * mean - slope * by_offset / count
    return by_scale, by_offset, _as_row(by_x, x), _as_row(slope, x), _as_row(rest, x)


@compiled
def _normalization_gradient(x: Tensor, by_y: Tensor, first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    values = _rows(x)
    return _like(x, tf.where(values > 0, values * first + _rows(by_y) * second + third, 0.0))


def _rows(x: Tensor) -> Tensor:
    """Return `x` `(1, *spatial, channels)` in float32 as `(groups, rows of a group, channels of a row)`."""
    count = math.prod(x.shape[:-2])
    group = math.gcd(count, _ROWS)
    return tf.cast(tf.reshape(x, (count // group, group, x.shape[-2] * x.shape[-1])), tf.float32)


def _like(x: Tensor, values: Tensor) -> Tensor:
    """Return `values`, arranged as `_rows`, in the shape and precision of `x`."""
    return tf.reshape(tf.cast(values, x.dtype), x.shape)


def _positive(x: Tensor) -> Tensor:
    return tf.nn.relu(_rows(x))


def _total(values: Tensor, x: Tensor) -> Tensor:
    """Return the sum per channel of `values`, arranged as `_rows(x)`."""
    return tf.reduce_sum(tf.reshape(tf.reduce_sum(values, 1), (-1, x.shape[-1])), 0)


def _as_row(value: Tensor, x: Tensor) -> Tensor:
    """Repeat a value per channel for every voxel of a row of `x`."""
    return tf.tile(value, [x.shape[-2]])

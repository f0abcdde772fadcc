"""Layers that compute what those of Keras compute, with the same weights, in half the time on a CPU."""

import functools
import math
from collections.abc import Callable
from typing import Any

from pairreg.backend import Tensor, compiled, keras, tf

ROWS = 8  # of an image whose sums are taken at once: XLA steps through memory in strides of a row


def rectified_normalised(x: Any) -> Any:
    """`max(x, 0)` `(1, *spatial, channels)` with mean 0 and variance 1 per channel, scaled and shifted by two weights.

    Computed in float32 and returned in the precision of `x`. Keras' `BatchNormalization` has several operations for
    what is one here.
    """
    return _normalization()(dtype="float32", autocast=False)(x)


def grown(x: Any, channels: int, precision: str) -> Any:
    """Nearest up-sampling by 2, a convolution of width 3 and ReLU: `(1, *2 spatial, channels)`.

    The fine voxels that a coarse one becomes are equal, so most products of a convolution after up-sampling are done
    twice and more. A transposed convolution with the summed weights does them once: 4/9 of the products in 2-D, 8/27
    in 3-D.
    """
    return _growth(len(x.shape) - 2)(channels, 3, padding="same", activation="relu", dtype=precision)(x)


@functools.cache
def _normalization() -> Any:
    class RectifiedNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
        def call(self, x: Tensor, training: Any = None) -> Tensor:
            del training
            if x.dtype != tf.float32:
                return half_normalised(x, self.gamma, self.beta, self.epsilon)
            image = tf.reshape(tf.nn.relu(x), (1, -1, tf.shape(x)[-2], x.shape[-1]))  # the operation knows 2-D only
            gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
            unknown = tf.zeros(0)  # the statistics are those of `x`
            fused = tf.raw_ops.FusedBatchNormV3(
                x=image, scale=gamma, offset=beta, mean=unknown, variance=unknown, epsilon=self.epsilon
            )
            return tf.reshape(fused.y, tf.shape(x))

        def compute_output_spec(self, x: Any, training: Any = None) -> Any:
            del training
            return keras.KerasTensor(x.shape, dtype=x.dtype)

    return RectifiedNormalization


def half_normalised(x: Tensor, scale: Any, offset: Any, epsilon: float) -> Tensor:
    """`rectified_normalised` for 16-bit `x`, in four passes over memory without copies in float32.

    What is one value per channel goes from one program to the next as a whole row of them: XLA would look up the
    channel of every element otherwise, at half the speed.
    """
    statistics, line, gradient_statistics, plane = half_programs(epsilon)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def function(x: Tensor, scale: Tensor, offset: Tensor) -> tuple[Tensor, Callable[[Tensor], Any]]:
        mean, inverse_deviation, *coefficients = statistics(x, scale, offset)

        def gradient(by_y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            by_scale, by_offset, *factors = gradient_statistics(x, by_y, scale, mean, inverse_deviation)
            return plane(x, by_y, *factors), by_scale, by_offset

        return line(x, *coefficients), gradient

    y: Tensor = function(x, tf.convert_to_tensor(scale), tf.convert_to_tensor(offset))
    return y


@functools.cache
def half_programs(epsilon: float) -> tuple[Callable[..., Any], ...]:
    """With s = scale / deviation: `y = s x + (offset - s mean)`, and its derivative is a combination of x and y's."""

    def statistics(x: Tensor, scale: Tensor, offset: Tensor) -> tuple[Tensor, ...]:
        values, count = rectified(x), math.prod(x.shape[:-1])
        mean = total(values, x) / count
        # products of 16-bit numbers are exact in float32, so little is lost by the difference
        variance = tf.maximum(total(values * values, x) / count - mean * mean, 0.0)
        inverse_deviation = tf.math.rsqrt(variance + epsilon)
        slope = scale * inverse_deviation
        return mean, inverse_deviation, as_row(slope, x), as_row(offset - slope * mean, x)

    def line(x: Tensor, slope: Tensor, offset: Tensor) -> Tensor:
        return tf.reshape(tf.cast(rectified(x) * slope + offset, x.dtype), x.shape)

    def gradient_statistics(
        x: Tensor, by_y: Tensor, scale: Tensor, mean: Tensor, inverse_deviation: Tensor
    ) -> tuple[Tensor, ...]:
        values, derivatives, count = rectified(x), rows(by_y), math.prod(x.shape[:-1])
        by_offset = total(derivatives, x)
        by_scale = (total(derivatives * values, x) - mean * by_offset) * inverse_deviation
        slope = scale * inverse_deviation
        by_x = -slope * inverse_deviation * by_scale / count
        rest = -by_x * mean - slope * by_offset / count
        return by_scale, by_offset, as_row(by_x, x), as_row(slope, x), as_row(rest, x)

    def plane(x: Tensor, by_y: Tensor, first: Tensor, second: Tensor, third: Tensor) -> Tensor:
        values = rows(x)
        by_x = tf.where(values > 0, values * first + rows(by_y) * second + third, 0.0)
        return tf.reshape(tf.cast(by_x, x.dtype), x.shape)

    return tuple(compiled(f) for f in (statistics, line, gradient_statistics, plane))


def rows(x: Tensor) -> Tensor:
    """`x` `(1, *spatial, channels)` in float32 as `(groups, rows of a group, channels of a row)`."""
    count = math.prod(x.shape[:-2])
    group = math.gcd(count, ROWS)
    return tf.cast(tf.reshape(x, (count // group, group, x.shape[-2] * x.shape[-1])), tf.float32)


def rectified(x: Tensor) -> Tensor:
    return tf.nn.relu(rows(x))


def total(values: Tensor, x: Tensor) -> Tensor:
    """The sum of `values`, in `rows` like `x`, per channel."""
    return tf.reduce_sum(tf.reshape(tf.reduce_sum(values, 1), (-1, x.shape[-1])), 0)


def as_row(value: Tensor, x: Tensor) -> Tensor:
    return tf.tile(value, [x.shape[-2]])


@functools.cache
def _growth(ndim: int) -> Any:
    plain = {2: keras.layers.Conv2D, 3: keras.layers.Conv3D}[ndim]
    transposed = {2: tf.nn.conv2d_transpose, 3: tf.nn.conv3d_transpose}[ndim]

    class GrowingConvolution(plain):  # type: ignore[misc, valid-type]
        def call(self, x: Tensor) -> Tensor:
            size = (1, *(2 * n for n in x.shape[1:-1]), self.filters)
            y = transposed(x, summed(tf.convert_to_tensor(self.kernel)), size, (1, *(2,) * ndim, 1), "SAME")
            return self.activation(tf.nn.bias_add(y, tf.convert_to_tensor(self.bias)))

        def compute_output_spec(self, x: Any) -> Any:
            size = (None if n is None else 2 * n for n in x.shape[1:-1])
            return keras.KerasTensor((x.shape[0], *size, self.filters), dtype=self.compute_dtype)

    return GrowingConvolution


def summed(kernel: Tensor) -> Tensor:
    """The kernel `(*(3,) * ndim, in, out)` of a convolution as that, `(*(4,) * ndim, out, in)`, of the transposed
    convolution of stride 2: along each axis the weights (a, b, c) become (c, b + c, a + b, a)."""
    ndim = len(kernel.shape) - 2
    for axis in range(ndim):
        flipped = tf.reverse(kernel, [axis])
        before, after = ([[k, 1 - k] if d == axis else [0, 0] for d in range(ndim + 2)] for k in (1, 0))
        kernel = tf.pad(flipped, before) + tf.pad(flipped, after)
    return tf.transpose(kernel, [*range(ndim), ndim + 1, ndim])

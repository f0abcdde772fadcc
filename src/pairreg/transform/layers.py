"""Layers with the weights and results of those of Keras, in half the time on a CPU."""

import functools
from typing import Any

from pairreg.backend import Tensor, keras, tf
from pairreg.transform import half_precision


def rectify_and_normalise(x: Any) -> Any:
    """Return `max(x, 0)` with mean 0 and variance 1 per channel, scaled and shifted by two weights each.

    `x` is `(1, *spatial, channels)`. The result is computed in float32 and returned in the precision of `x`. Keras'
    `BatchNormalization` has several operations for what is one here.
    """
    return _normalization()(dtype="float32", autocast=False)(x)


def upsampling_block(x: Any, channels: int, precision: str) -> Any:
    """Apply nearest up-sampling by 2, a convolution of width 3 and ReLU: the result is `(1, *2 spatial, channels)`.

    The fine voxels that a coarse one becomes are equal, so most products of a convolution after up-sampling are done
    twice and more. A transposed convolution with sums of the weights does them once: 4/9 of the products in 2-D, 8/27
    in 3-D.
    """
    return _upsampling_convolution(len(x.shape) - 2)(channels, 3, padding="same", dtype=precision)(x)


@functools.cache
def _normalization() -> Any:
    class RectifiedNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
        def call(self, x: Tensor, training: Any = None) -> Tensor:
            del training
            gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
            if x.dtype != tf.float32:
                return half_precision.rectify_and_normalise(x, gamma, beta, self.epsilon)
            image = tf.reshape(tf.nn.relu(x), (1, -1, tf.shape(x)[-2], x.shape[-1]))  # the operation knows 2-D only
            unknown = tf.zeros(0)  # the statistics are those of `x`
            fused = tf.raw_ops.FusedBatchNormV3(
                x=image, scale=gamma, offset=beta, mean=unknown, variance=unknown, epsilon=self.epsilon
            )
            return tf.reshape(fused.y, tf.shape(x))

        def compute_output_spec(self, x: Any, training: Any = None) -> Any:
            del training
            return keras.KerasTensor(x.shape, dtype=x.dtype)

    return RectifiedNormalization


@functools.cache
def _upsampling_convolution(ndim: int) -> Any:
    plain = {2: keras.layers.Conv2D, 3: keras.layers.Conv3D}[ndim]
    transposed = {2: tf.nn.conv2d_transpose, 3: tf.nn.conv3d_transpose}[ndim]

    class UpsamplingConvolution(plain):  # type: ignore[misc, valid-type]
        def call(self, x: Tensor) -> Tensor:
            size = (1, *(2 * n for n in x.shape[1:-1]), self.filters)
            y = transposed(x, _transposed_kernel(tf.convert_to_tensor(self.kernel)), size, (1, *(2,) * ndim, 1), "SAME")
            bias = tf.convert_to_tensor(self.bias)
            return tf.nn.relu(tf.nn.bias_add(y, bias)) if y.dtype == tf.float32 else half_precision.rectify(y, bias)

        def compute_output_spec(self, x: Any) -> Any:
            size = (None if n is None else 2 * n for n in x.shape[1:-1])
            return keras.KerasTensor((x.shape[0], *size, self.filters), dtype=self.compute_dtype)

    return UpsamplingConvolution


def _transposed_kernel(kernel: Tensor) -> Tensor:
    """Return the kernel `(*(4,) * ndim, out, in)` of the transposed convolution of stride 2.

    It does what up-sampling by 2 and a convolution with `kernel` `(*(3,) * ndim, in, out)` do: along each axis the
    weights (a, b, c) become (c, b + c, a + b, a).
    """
    ndim = len(kernel.shape) - 2
    for axis in range(ndim):
        flipped = tf.reverse(kernel, [axis])
        before, after = ([[k, 1 - k] if d == axis else [0, 0] for d in range(ndim + 2)] for k in (1, 0))
        kernel = tf.pad(flipped, before) + tf.pad(flipped, after)
    return tf.transpose(kernel, [*range(ndim), ndim + 1, ndim])

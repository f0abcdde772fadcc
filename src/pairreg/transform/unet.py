"""A U-Net whose weights are optimised for one pair, after Chen et al. (2020)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

import numpy as np
from pydantic import Field

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.backend import Tensor, keras, tf
from pairreg.backend.memory import lack_of_memory
from pairreg.errors import InputError
from pairreg.markers import Neutral
from pairreg.transform.base import LevelGrid, Parametrization, Precision, Transform, ratios
from pairreg.transform.control_grid import displacement_of, node_counts
from pairreg.transform.layers import rectify_and_normalise, upsampling_block
from pairreg.transform.separable import upsample
from pairreg.transform.warp import warp
from pairreg.validation import Count, Positive

_HEAD_WIDTH = 32  # channels of the published head


@final
@dataclass(frozen=True, kw_only=True)
class UNet(Transform):
    """Deforms by the output of the published ConvNet, whose weights are optimised for this pair alone.

    Its layers: input (moving, fixed); encoder of `depth` × {2 × (conv 3, ReLU, batch norm), max-pool 2}, bottleneck,
    decoder with nearest up-sampling, conv and skips, head conv 32. Any image size: padded at its far edges, cropped
    again. Batch norm uses the statistics of this pair. With `width=24, depth=3, stride=1` the parameter counts are the
    published ones, 103,066 in 2-D and 305,275 in 3-D.

    **Arguments:** `width`: channels per convolution (multiples of 16 are fastest on CPUs). `depth`: poolings. `stride`:
    the decoder ends at 1/stride of the resolution, a power of 2 up to 2^depth, and the field is linearly up-sampled
    from there. `diffeomorphic`: the network emits a stationary velocity, whose exponential is the displacement (see
    `velocity`). `pyramid`: the network of a level sees the moving image as the coarser levels have warped it, so that
    it only has to find what is left, as in the pyramid of Mok and Chung. `learning_rate`: of the weights.

    Source: Chen et al., Medical Physics 47:6366 (2020), doi 10.1002/mp.14545; Mok and Chung, MICCAI (2020),
    doi 10.1007/978-3-030-59716-0_21.
    """

    # The weights go from level to level, so all levels have one network; `stride` is the depth of its decoder.
    constant: ClassVar[frozenset[str]] = frozenset({"width", "depth", "stride", "diffeomorphic", "pyramid"})

    width: Count = 16
    depth: Annotated[int, Field(ge=1, le=30)] = 3
    stride: Count = 2
    diffeomorphic: bool = False
    pyramid: Annotated[bool, Neutral(False)] = False
    learning_rate: Positive = 0.002

    def problem(self) -> str | None:
        if self.stride not in [2**k for k in range(self.depth + 1)]:
            return f"stride should be a power of 2 up to {2**self.depth}; it is {self.stride}."
        smallest = LevelGrid((1, 1), (1, 1))  # it is padded, see `padded_shape`
        return lack_of_memory(f"a network of width {self.width} and depth {self.depth}", self.gigabytes(smallest))

    def padded_shape(self, grid: LevelGrid) -> list[int]:
        """Return the shape to which images are padded, so that every pooling halves them exactly."""
        multiple = 2**self.depth
        return [-(-n // multiple) * multiple for n in grid.shape]

    def gigabytes(self, grid: LevelGrid) -> float:
        """Return less than what the network needs: weights, gradient and Adam's means; maps of the two first layers."""
        weights = 4 * self.depth * self.width**2 * 3**grid.ndim
        maps = 2 * self.width * math.prod(self.padded_shape(grid))
        return 4 * (4 * weights + maps) / 1e9

    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> "UNetWeights":
        del spacing
        return UNetWeights(grid, self, precision)


@final
class UNetWeights(Parametrization):
    """The weights of the network on one level; its output is added to the vectors of the coarser levels (`base`).

    All weights are one flat variable: an optimizer then updates one tensor instead of dozens.
    """

    def __init__(self, grid: LevelGrid, config: UNet, precision: Precision):
        self.grid, self.stride, self.diffeomorphic = grid, config.stride, config.diffeomorphic
        self.pyramid = config.pyramid
        self.padded = config.padded_shape(grid)
        if problem := lack_of_memory(
            f"a network of depth {config.depth} on {self.padded} voxels", config.gigabytes(grid)
        ):
            raise InputError(problem)
        self.network = published_network(grid.ndim, config.width, config.depth, config.stride, precision)
        self.shapes = [tuple(v.shape) for v in self.network.trainable_variables]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.weights = tf.Variable(tf.zeros(sum(self.sizes)), name="weights")
        self.variables = [self.weights]
        nodes = node_counts(self.padded, self.stride)
        self.base = tf.Variable(tf.zeros((*nodes, grid.ndim)), trainable=False, name="base")

    @property
    def state(self) -> list[Any]:
        return [self.weights, self.base]

    def start_at_zero(self, seed: int) -> None:
        variables = self.network.trainable_variables
        # A seed for each variable: kernels of one shape would be equal otherwise.
        start = [_initial_value(variable, seed + 1000 * k) for k, variable in enumerate(variables)]
        self._assign(tf.concat([tf.reshape(value, [-1]) for value in start], 0))
        self.base.assign(tf.zeros_like(self.base))

    def continue_from(self, coarser: Parametrization, fixed: ImageTensor, moving: ImageTensor) -> None:
        """Take over the weights, with a head of zeros, on top of the vectors of the coarser level.

        The network sees the images at another resolution, so its own output would change; this way the field continues
        where it was.
        """
        assert isinstance(coarser, UNetWeights)
        self._assign(coarser.weights)
        scale = ratios(coarser.grid, self.grid)
        found = coarser.vectors(fixed, moving)
        self.base.assign(upsample(found, self.base.shape[:-1], scale) * scale)

    def field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor:
        return self._displacement(self.vectors(fixed, moving))

    def inverse_field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor | None:
        if not self.diffeomorphic:
            return None
        return self._displacement(-self.vectors(fixed, moving))

    def vectors(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor:
        """Return the displacements or velocities `(*padded / stride, ndim)` in voxels of the level."""
        if self.pyramid:
            moving, _ = warp(moving, self._displacement(self.base))
        images = _pad_edges(tf.stack([moving, fixed], axis=-1), self.padded)
        weights = [tf.reshape(w, s) for w, s in zip(tf.split(self.weights, self.sizes), self.shapes, strict=True)]
        frozen = self.network.non_trainable_variables
        output, _ = self.network.stateless_call(weights, frozen, images[None])
        return self.base + output[0]

    def _displacement(self, vectors: FieldTensor) -> FieldTensor:
        return displacement_of(vectors, self.grid.shape, self.stride, self.diffeomorphic)

    def _assign(self, weights: Tensor) -> None:
        """Set the weights, but those of the head (the last two variables: kernel and bias) to zero."""
        head = sum(self.sizes[-2:])
        self.weights.assign(tf.concat([weights[:-head], tf.zeros(head)], 0))


def published_network(ndim: int, width: int, depth: int, stride: int, precision: Precision = "float32") -> Any:
    """Return the Keras model `(1, *spatial, 2) -> (1, *spatial / stride, ndim)`; each size is a multiple of 2^depth.

    It computes in `precision` and returns float32.
    """
    layers = keras.layers
    conv = {2: layers.Conv2D, 3: layers.Conv3D}[ndim]
    pool = {2: layers.MaxPooling2D, 3: layers.MaxPooling3D}[ndim]

    def convolved(x: Any, channels: int = width) -> Any:
        return rectify_and_normalise(conv(channels, 3, padding="same", dtype=precision)(x))

    def block(x: Any) -> Any:
        return convolved(convolved(x))

    x = images = keras.Input((*[None] * ndim, 2))
    skips = [x]  # the raw images at full resolution, the pooled maps below
    for _ in range(depth):
        x = pool(2, dtype=precision)(block(x))
        skips.append(x)
    x = block(skips.pop())
    while 2 ** len(skips) > stride:
        x = upsampling_block(x, width, precision)
        x = block(layers.Concatenate(dtype=precision)([x, skips.pop()]))
    x = convolved(x, _HEAD_WIDTH)
    return keras.Model(images, conv(ndim, 1, dtype="float32")(x))


def _initial_value(variable: Any, seed: int) -> Tensor:
    """Return He-normal values (seeded) for a kernel, ones for the scale of a normalisation, else zeros."""
    if variable.name == "kernel":
        return keras.initializers.HeNormal(seed=seed)(variable.shape)
    return (tf.ones if variable.name == "gamma" else tf.zeros)(variable.shape)


def _pad_edges(images: Tensor, shape: Sequence[int]) -> Tensor:
    """Return `images` `(*spatial, channels)` with their far edges repeated up to `shape`."""
    for axis, (n, m) in enumerate(zip(images.shape[:-1], shape, strict=True)):
        if m > n:
            images = tf.gather(images, np.minimum(np.arange(m), n - 1), axis=axis)
    return images

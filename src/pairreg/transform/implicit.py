"""A network of sines from coordinates to displacements, after Wolterink et al. (2022)."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

import numpy as np
from pydantic import Field

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.backend import Tensor, tf
from pairreg.backend.memory import lack_of_memory
from pairreg.errors import InputError
from pairreg.transform.base import LevelGrid, Parametrization, Precision, Transform
from pairreg.transform.control_grid import displacement_of, node_counts
from pairreg.validation import Count, Positive

_CHUNK = 2**16  # points whose activations are held at a time: 200 MB at a width of 256 and a depth of 3


@final
@dataclass(frozen=True, kw_only=True)
class Implicit(Transform):
    """Deforms by a small network that maps the coordinates of a point to its displacement, trained on this pair alone.

    It has `depth` hidden layers, each `sin(omega (W x + b))`, and a linear layer, which is 0 at the start. Coordinates
    and displacements are in half lengths of the image, from -1 to 1 along each axis. All levels have the same function,
    so each goes on exactly where the coarser one ended.

    Each iteration evaluates it on the whole grid of the level and not on points drawn at random: the objective is
    deterministic, and the regularisers see its field as any other. The memory that takes is bounded: the activations
    of large grids are computed twice. It computes in float32, whatever the `precision`.

    **Arguments:** `width`: units of a layer. `depth`: hidden layers. `omega`: the higher, the finer the details that
    it can follow, and the less smooth it is of itself. `stride`: distance of the points at which it is evaluated, in
    voxels of the level; the field is linear in between. `learning_rate`: of the weights.

    Source: Wolterink et al., MIDL 2022 (IDIR); Sitzmann et al., NeurIPS 2020 (SIREN), for the activations and the first
    weights.
    """

    # The weights go from level to level; with another omega they would be another function.
    constant: ClassVar[frozenset[str]] = frozenset({"width", "depth", "omega"})

    width: Annotated[int, Field(ge=1, le=4096)] = 64
    depth: Annotated[int, Field(ge=1, le=30)] = 3
    omega: Positive = 30.0
    stride: Count = 2
    learning_rate: Positive = 0.001

    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> "CoordinateNetwork":
        del precision, spacing
        return CoordinateNetwork(grid, self)


@final
class CoordinateNetwork(Parametrization):
    """The weights of the network, as one flat variable, and the points of one level at which it is evaluated.

    `extent` `(ndim,)` is the length of the image in its voxels, to the end of the last block of the coarsest level.
    """

    def __init__(self, grid: LevelGrid, config: Implicit):
        self.grid, self.omega, self.stride = grid, config.omega, config.stride
        self.counts = node_counts(grid.shape, config.stride)
        chunk = min(_CHUNK, math.prod(self.counts))
        needed = 4 * config.depth * config.width * (2 * chunk + 4 * config.width) / 1e9
        if problem := lack_of_memory(f"a network of width {config.width} and depth {config.depth}", needed):
            raise InputError(problem)
        widths = [grid.ndim, *[config.width] * config.depth, grid.ndim]
        self.layers = list(itertools.pairwise(widths))  # (inputs, outputs) of each
        self.weights = tf.Variable(tf.zeros(sum(n * m + m for n, m in self.layers)), name="weights")
        self.variables = [self.weights]
        self.extent = tf.Variable(self._own_extent(), trainable=False, name="extent")

    @property
    def state(self) -> list[Any]:
        return [self.weights, self.extent]

    def start_at_zero(self, seed: int) -> None:
        self.weights.assign(tf.concat(list(self._initial_weights(seed)), 0))
        self.extent.assign(self._own_extent())

    def continue_from(self, coarser: Parametrization, fixed: ImageTensor, moving: ImageTensor) -> None:
        del fixed, moving
        assert isinstance(coarser, CoordinateNetwork)
        self.weights.assign(coarser.weights)
        self.extent.assign(coarser.extent)

    def field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor:
        del fixed, moving
        points = 2 * self._points() / self.extent - 1
        found = [self._displacements(points[start : start + _CHUNK]) for start in range(0, points.shape[0], _CHUNK)]
        nodes = tf.concat(found, 0) * self.extent / (2 * np.array(self.grid.factors, np.float32))
        return displacement_of(tf.reshape(nodes, (*self.counts, -1)), self.grid.shape, self.stride, diffeomorphic=False)

    def _displacements(self, points: Tensor) -> Tensor:
        """Return the displacements `(n, ndim)` at points `(n, ndim)`, both in half lengths of the image."""
        return tf.recompute_grad(self._apply)(self.weights.read_value(), points)

    def _apply(self, weights: Tensor, x: Tensor) -> Tensor:
        """Apply the network with these flat `weights` to `x` `(n, ndim)`."""
        matrices = tf.split(weights, [size for n, m in self.layers for size in (n * m, m)])
        for i, (shape, matrix, bias) in enumerate(zip(self.layers, matrices[::2], matrices[1::2], strict=True)):
            x = x @ tf.reshape(matrix, shape) + bias
            if i < len(self.layers) - 1:
                x = tf.sin(self.omega * x)
        return x

    def _initial_weights(self, seed: int) -> Sequence[Tensor]:
        """Return the flat weights and biases layer by layer: uniform, as published; zeros for the last layer."""
        found = []
        for i, (n, m) in enumerate(self.layers):
            bound = 1 / n if i == 0 else math.sqrt(6 / n) / self.omega
            for k, (size, most) in enumerate(((n * m, bound), (m, 1 / math.sqrt(n)))):
                most = 0 if i == len(self.layers) - 1 else most
                found.append(most * tf.random.stateless_uniform((size,), (seed, 2 * i + k), -1, 1))
        return found

    def _points(self) -> np.ndarray:
        """Return the centres `(nodes, ndim)` of the cells in voxels of the image, from its near edges."""
        axes = [(np.arange(n) + 0.5) * self.stride * f for n, f in zip(self.counts, self.grid.factors, strict=True)]
        points: np.ndarray = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, self.grid.ndim)
        return points.astype(np.float32)

    def _own_extent(self) -> np.ndarray:
        return np.multiply(self.grid.shape, self.grid.factors).astype(np.float32)

"""Vectors on the nodes of a grid, which is `stride` voxels wide: what grids optimise and networks emit."""

from abc import abstractmethod
from collections.abc import Sequence

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.backend import tf
from pairreg.transform.base import LevelGrid, Parametrization, ratios
from pairreg.transform.exponential import exponential
from pairreg.transform.separable import upsample


class NodeGrid(Parametrization):
    """Parameters are the vectors themselves, in voxels of the level."""

    def __init__(self, grid: LevelGrid, nodes: Sequence[int]):
        self.grid = grid
        self.nodes = tf.Variable(tf.zeros((*nodes, grid.ndim)), name="nodes")
        self.variables = [self.nodes]

    def start_at_zero(self, seed: int) -> None:
        del seed
        self.nodes.assign(tf.zeros_like(self.nodes))

    def continue_from(self, coarser: Parametrization, fixed: ImageTensor, moving: ImageTensor) -> None:
        del fixed, moving
        assert isinstance(coarser, NodeGrid)
        scale = ratios(coarser.grid, self.grid)
        self.nodes.assign(self.upsampled_from(coarser, scale) * scale)

    def field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor:
        del fixed, moving
        return self.displacements(self.nodes)

    @abstractmethod
    def upsampled_from(self, coarser: "NodeGrid", scale: Sequence[float]) -> FieldTensor:
        """The vectors of `coarser` at these nodes, still in its voxels, which are `scale` of ours wide."""

    @abstractmethod
    def displacements(self, nodes: FieldTensor) -> FieldTensor:
        """The displacement field of these vectors."""


def node_counts(shape: Sequence[int], stride: int) -> list[int]:
    """Cells of `stride` voxels that cover an image; the last one may reach beyond it."""
    return [-(-n // stride) for n in shape]


def displacement_of(nodes: FieldTensor, shape: Sequence[int], stride: int, diffeomorphic: bool) -> FieldTensor:
    """The displacement field `(*shape, ndim)` of vectors `(*nodes, ndim)`, both in voxels, by linear interpolation.

    `diffeomorphic`: the vectors are a stationary velocity. It is interpolated first and integrated on the image grid:
    integrated on the nodes it takes less time, but folds more and has an inverse that is three times less exact.
    """
    if stride == 1:
        vectors = nodes[tuple(slice(n) for n in shape)]  # nodes may reach beyond the image
    else:
        vectors = upsample(nodes, shape, [stride] * len(shape))
    return exponential(vectors) if diffeomorphic else vectors

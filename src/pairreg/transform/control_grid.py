"""Vectors on the nodes of a grid whose cells are `stride` voxels wide, as parameters or as the output of a network."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.backend import tf
from pairreg.markers import Neutral
from pairreg.transform.base import LevelGrid, Parametrization, Transform, ratios
from pairreg.transform.exponential import exponential
from pairreg.transform.separable import upsample
from pairreg.validation import NonNegative


@dataclass(frozen=True, kw_only=True)
class GridOfDisplacements(Transform, ABC):
    """The base of transforms that deform by a grid of displacements, u.

    **Arguments:** `symmetric`: a second grid holds the displacements of the other direction, which are optimised, too.
    `consistency`: weight of the inverse consistency of the two in the objective; see `pairreg.optimization.symmetric`.
    """

    constant: ClassVar[frozenset[str]] = frozenset({"symmetric"})

    symmetric: Annotated[bool, Neutral(False)] = False
    consistency: Annotated[NonNegative, Neutral(0.1)] = 0.1

    @property
    def consistency_weight(self) -> float | None:
        return self.consistency if self.symmetric else None

    @property
    def directions(self) -> int:
        """How many grids of displacements there are."""
        return 2 if self.symmetric else 1


class NodeGrid(Parametrization):
    """Parameters that are the vectors themselves, `(*nodes, directions ndim)` in voxels of the level.

    With two `directions` the vectors of the forward field come before those of the backward field.
    """

    def __init__(self, grid: LevelGrid, nodes: Sequence[int], directions: int = 1):
        self.grid, self.directions = grid, directions
        self.nodes = tf.Variable(tf.zeros((*nodes, directions * grid.ndim)), name="nodes")
        self.variables = [self.nodes]

    def start_at_zero(self, seed: int) -> None:
        del seed
        self.nodes.assign(tf.zeros_like(self.nodes))

    def continue_from(self, coarser: Parametrization, fixed: ImageTensor, moving: ImageTensor) -> None:
        del fixed, moving
        assert isinstance(coarser, NodeGrid)
        scale = ratios(coarser.grid, self.grid)
        self.nodes.assign(self.upsample_from(coarser, scale) * ([*scale] * self.directions))

    def field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor:
        del fixed, moving
        return self.displacements(self.vectors(0))

    def inverse_field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor | None:
        del fixed, moving
        return self.displacements(self.vectors(1)) if self.directions == 2 else None

    def vectors(self, direction: int) -> FieldTensor:
        """Return the vectors `(*nodes, ndim)` of one direction, counted from 0."""
        n = self.grid.ndim
        return self.nodes if self.directions == 1 else self.nodes[..., direction * n : (direction + 1) * n]

    @abstractmethod
    def upsample_from(self, coarser: "NodeGrid", scale: Sequence[float]) -> FieldTensor:
        """Return the vectors of `coarser` at these nodes, still in its voxels.

        A voxel of `coarser` is `scale` voxels of this level wide, per axis.
        """

    @abstractmethod
    def displacements(self, nodes: FieldTensor) -> FieldTensor:
        """Return the displacement field `(*shape, ndim)` of these vectors, in voxels of the level."""


def node_counts(shape: Sequence[int], stride: int) -> list[int]:
    """Return how many cells of `stride` voxels cover an image, per axis; the last one may reach beyond it."""
    return [-(-n // stride) for n in shape]


def displacement_of(nodes: FieldTensor, shape: Sequence[int], stride: int, diffeomorphic: bool) -> FieldTensor:
    """Return the displacement field `(*shape, ndim)` of vectors `(*nodes, ndim)` by linear interpolation.

    Both are in voxels. **Arguments:** `diffeomorphic`: the vectors are a stationary velocity. It is interpolated first
    and integrated on the image grid: integrated on the nodes it takes less time, but folds more and has an inverse that
    is three times less exact.
    """
    if stride == 1:
        vectors = nodes[tuple(slice(n) for n in shape)]  # nodes may reach beyond the image
    else:
        vectors = upsample(nodes, shape, [stride] * len(shape))
    return exponential(vectors) if diffeomorphic else vectors

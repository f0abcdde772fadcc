"""What every transform is: a choice of parameters, and the displacement field that they emit on a level's grid."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pairreg.backend import Tensor


@dataclass(frozen=True)
class LevelGrid:
    """The grid of one resolution level: `shape` in its voxels, each `factors` voxels of the fixed image wide."""

    shape: tuple[int, ...]
    factors: tuple[int, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)


class Parametrization(ABC):
    """The parameters of a transform on one level's grid."""

    grid: LevelGrid
    variables: list[Any]  # tf.Variable, what the optimizer changes

    @abstractmethod
    def reset(self, seed: int) -> None:
        """Set the parameters to their start: a field of (nearly) zero."""

    @abstractmethod
    def carry(self, coarser: "Parametrization", field: Tensor) -> None:
        """Take over what was found on a coarser level: its parameters, or the `field` that they emit there."""

    @abstractmethod
    def field(self, fixed: Tensor, moving: Tensor) -> Tensor:
        """The displacement field `(*shape, ndim)` in voxels of this level's grid; images `(*shape,)`."""


class Transform(ABC):
    """What is optimised. `learning_rate`: the step that suits it, used unless the optimizer names one."""

    learning_rate: float

    @abstractmethod
    def parametrize(self, grid: LevelGrid) -> Parametrization:
        """Parameters for one level."""


def ratios(coarser: LevelGrid, finer: LevelGrid) -> Sequence[float]:
    """Width of a voxel of the coarser grid in voxels of the finer one, per axis."""
    return [c / f for c, f in zip(coarser.factors, finer.factors, strict=True)]

"""The base of all transforms: parameters, and the displacement field that they stand for on a level's grid."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.validation import Checked, Positive

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True)
class LevelGrid:
    """The grid of one resolution level: `shape` in its voxels, each `factors` voxels of the fixed image wide."""

    shape: tuple[int, ...]
    factors: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """The number of dimensions, 2 or 3."""
        return len(self.shape)


class Parametrization(ABC):
    """The parameters of a transform on one level's grid; the optimizer changes its `variables`."""

    grid: LevelGrid
    variables: list[Any]  # tf.Variable, what the optimizer changes
    directions: int = 1  # fields with parameters of their own: with 2, `inverse_field` is that of the other direction

    @property
    def state(self) -> list[Any]:
        """All tf.Variables that the field depends on."""
        return self.variables

    @abstractmethod
    def start_at_zero(self, seed: int) -> None:
        """Set the parameters to their start, at which the field is zero; `seed` is for those drawn at random."""

    @abstractmethod
    def continue_from(self, coarser: "Parametrization", fixed: ImageTensor, moving: ImageTensor) -> None:
        """Continue from the field of a coarser level, whose images are `fixed` and `moving`."""

    @abstractmethod
    def field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor:
        """Return the displacement field `(*shape, ndim)` in voxels of this level's grid; the images are `(*shape,)`."""

    def inverse_field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor | None:
        """Return the inverse of `field`, likewise; None if the transform has none.

        Where a transform has a `consistency_weight`, it is the field of the other direction, which is optimised, too.
        """
        del fixed, moving
        return None


@dataclass(frozen=True, kw_only=True)
class Transform(Checked, ABC):
    """The base of what is optimised: parameters that stand for a displacement field.

    **Arguments:** `learning_rate`: the step that suits the transform, used unless the optimizer names one.
    """

    uses_spacing: ClassVar[bool] = False  # whether lengths in mm are among its settings
    constant: ClassVar[frozenset[str]] = frozenset()  # settings with which `continue_from` needs all levels alike

    learning_rate: Positive

    @property
    def consistency_weight(self) -> float | None:
        """The weight of the inverse consistency, where both directions are optimised; None: forward alone is."""
        return None

    @abstractmethod
    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> Parametrization:
        """Return the parameters for one level; networks compute in `precision`, fields are float32.

        `spacing` is that of the fixed image in mm, array axis order; only a transform with `uses_spacing` may use it.
        """


def ratios(coarser: LevelGrid, finer: LevelGrid) -> Sequence[float]:
    """Return the width of a voxel of the coarser grid in voxels of the finer one, per axis."""
    return [c / f for c, f in zip(coarser.factors, finer.factors, strict=True)]

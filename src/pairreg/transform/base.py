"""What every transform is: a choice of parameters, and the displacement field that they emit on a level's grid."""

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
        return len(self.shape)


class Parametrization(ABC):
    """The parameters of a transform on one level's grid."""

    grid: LevelGrid
    variables: list[Any]  # tf.Variable, what the optimizer changes

    @abstractmethod
    def start_at_zero(self, seed: int) -> None:
        """Set the parameters to their start: a field of zero."""

    @abstractmethod
    def continue_from(self, coarser: "Parametrization", fixed: ImageTensor, moving: ImageTensor) -> None:
        """Go on from what was found on a coarser level, whose images are `fixed` and `moving`."""

    @abstractmethod
    def field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor:
        """The displacement field `(*shape, ndim)` in voxels of this level's grid; images `(*shape,)`."""

    def inverse_field(self, fixed: ImageTensor, moving: ImageTensor) -> FieldTensor | None:
        """The inverse of `field`, if the transform has one."""
        del fixed, moving
        return None


@dataclass(frozen=True, kw_only=True)
class Transform(Checked, ABC):
    """What is optimised. `learning_rate`: the step that suits it, used unless the optimizer names one."""

    uses_spacing: ClassVar[bool] = False  # whether lengths in mm are among its settings

    learning_rate: Positive

    @abstractmethod
    def parametrize(self, grid: LevelGrid, precision: Precision, spacing: Sequence[float]) -> Parametrization:
        """Parameters for one level; networks compute in `precision`, fields are float32.

        `spacing` of the fixed image in mm, array axis order; it may be used only with `uses_spacing`.
        """


def ratios(coarser: LevelGrid, finer: LevelGrid) -> Sequence[float]:
    """Width of a voxel of the coarser grid in voxels of the finer one, per axis."""
    return [c / f for c, f in zip(coarser.factors, finer.factors, strict=True)]

"""A pair as the optimisation needs it: arrays on the fixed grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.arrays import Image, Mask
from pairreg.errors import InputError
from pairreg.optimization.block_mean import block_mean
from pairreg.optimization.counted import Counted, counted
from pairreg.optimization.wide_grid import WideGrid, wide_grid
from pairreg.pair.pair import Pair
from pairreg.transform.base import LevelGrid


@dataclass(frozen=True)
class ResampledPair:
    """A pair as arrays on the fixed grid `(*spatial,)`, the moving image resampled through the initialisation.

    **Attributes:** `pair`: preprocessed; `initial`: maps fixed to moving points; `fixed`, `moving`: intensities;
    `fixed_mask`: the voxels that count; `moving_mask`: the voxels at which the resampled moving image has data.
    `moving` and `moving_mask` are on the grid `wide`, which reaches beyond the fixed one: tissue may come in over the
    border.
    """

    pair: Pair
    initial: sitk.Transform
    fixed: Image
    moving: Image
    fixed_mask: Mask
    moving_mask: Mask
    wide: WideGrid

    def check_overlap(self) -> None:
        """Raise `InputError` if no voxel of the fixed mask meets the moving image."""
        if not (self.fixed_mask & self.wide.inner(self.moving_mask)).any():
            raise InputError(
                f"pair {self.pair.name!r}: fixed and moving do not overlap after the initialisation; "
                "try initialization=center_of_mass or check the masks."
            )

    @property
    def inner_moving(self) -> Image:
        """Return `moving` on the fixed grid `(*spatial,)`."""
        return self.wide.inner(self.moving)

    @property
    def spacing(self) -> tuple[float, ...]:
        """The spacing of the fixed grid in mm, array axis order."""
        return geometry.spacing(self.pair.fixed)

    def level(self, grid: LevelGrid) -> dict[str, Any]:
        """Return the images, masks and spacing of one level, by the names of the objective's inputs."""
        return {
            "fixed": block_mean(self.fixed, grid.factors),
            "moving": self.wide.block_mean(self.moving, grid),
            "spacing": np.multiply(self.spacing, grid.factors).astype(np.float32),
            **self.counted(grid)._asdict(),
        }

    def counted(self, grid: LevelGrid) -> Counted:
        """Return what counts of the images on one level."""
        return counted(self.fixed_mask, self.moving_mask, self.wide, grid)

    def stiffness(self, grid: LevelGrid, by_label: Mapping[Any, float] | None) -> np.ndarray | None:
        """Return the factors `(*shape,)` of a penalty on a level's grid from those by label (name or number).

        Labels that are not named have 1. Where a level voxel covers several labels it has the mean of their factors.
        Returns None if `by_label` is None. Raises `InputError` if the pair has no fixed labels, or not those that are
        named.
        """
        if by_label is None:
            return None
        if self.pair.fixed_labels is None:
            raise InputError(f"pair {self.pair.name!r} has no fixed label map, which a regularizer's stiffness needs.")
        identity = geometry.identity(self.pair.ndim)
        labels = geometry.array(geometry.resample(self.pair.fixed_labels, self.pair.fixed, identity, nearest=True))
        number = {name: label for label, name in self.pair.label_names.items()}
        present = set(np.unique(labels).tolist())
        factors = np.ones(labels.shape, np.float32)
        for label, factor in by_label.items():
            value = number.get(label, label)
            if str(value) not in map(str, present):
                known = ", ".join(str(self.pair.label_names.get(k, k)) for k in sorted(present))
                raise InputError(f"stiffness names the label {label!r}, the fixed label map has {known}.")
            factors[labels == int(value)] = factor
        return block_mean(factors, grid.factors)

    def grid(self, factors: Sequence[int]) -> LevelGrid:
        """Return the grid of a level whose voxels are `factors` voxels of the fixed image wide."""
        shape = tuple(-(-n // f) for n, f in zip(self.fixed.shape, factors, strict=True))
        return LevelGrid(shape, tuple(factors))


def resample_pair(pair: Pair, initial: sitk.Transform) -> ResampledPair:
    """Resample a preprocessed pair through its initialisation; `initial` maps fixed to moving points."""
    wide, moving_mask = wide_grid(pair, initial)
    fixed_mask = np.ones(pair.fixed.GetSize()[::-1], bool)
    if pair.fixed_mask is not None:
        fixed_mask = geometry.mask_on(pair.fixed, pair.fixed_mask)
    arrays = geometry.array(pair.fixed), wide.intensities(pair.moving), fixed_mask, moving_mask
    return ResampledPair(pair, initial, *arrays, wide)

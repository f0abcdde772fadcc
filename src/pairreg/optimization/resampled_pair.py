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
from pairreg.pair.pair import Pair
from pairreg.transform.base import LevelGrid
from pairreg.transform.warp import usable_cells

MARGIN = 0.25  # of the fixed grid: how far the moving image is known beyond it
WORTH = 0.05  # of that margin: less data, such as corners that a rotation turned out, is no reason for it


@dataclass(frozen=True)
class ResampledPair:
    """A pair as arrays on the fixed grid `(*spatial,)`, the moving image resampled through the initialisation.

    **Attributes:** `pair`: preprocessed; `initial`: maps fixed to moving points; `fixed`, `moving`: intensities;
    `fixed_mask`: the voxels that count; `moving_mask`: the voxels at which the resampled moving image has data.
    `moving` and `moving_mask` reach `margin` voxels beyond the fixed grid, on both sides of an axis: tissue may come in
    over the border.
    """

    pair: Pair
    initial: sitk.Transform
    fixed: Image
    moving: Image
    fixed_mask: Mask
    moving_mask: Mask
    margin: tuple[int, ...]

    def check_overlap(self) -> None:
        """Raise `InputError` if no voxel of the fixed mask meets the moving image."""
        if not (self.fixed_mask & self.moving_mask[_middle(self.margin[::-1], self.fixed.shape)]).any():
            raise InputError(
                f"pair {self.pair.name!r}: fixed and moving do not overlap after the initialisation; "
                "try initialization=center_of_mass or check the masks."
            )

    @property
    def inner_moving(self) -> Image:
        """Return `moving` on the fixed grid `(*spatial,)`."""
        return self.moving[_middle(self.margin[::-1], self.fixed.shape)]

    @property
    def spacing(self) -> tuple[float, ...]:
        """The spacing of the fixed grid in mm, array axis order."""
        return geometry.spacing(self.pair.fixed)

    def level(self, grid: LevelGrid) -> dict[str, Any]:
        """Return the images, masks and spacing of one level, by the names of the objective's inputs."""
        return {
            "fixed": block_mean(self.fixed, grid.factors),
            "moving": self.wide_block_mean(self.moving, grid),
            "mask": block_mean(self.fixed_mask, grid.factors) > 0,
            # A mean of 1, less rounding: all voxels of the block have data.
            "usable": usable_cells(self.wide_block_mean(self.moving_mask, grid) > 0.999),
            "spacing": np.multiply(self.spacing, grid.factors).astype(np.float32),
        }

    @property
    def wide_grid(self) -> sitk.Image:
        """The grid of the resampled moving image, as an image in physical space."""
        return sitk.ConstantPad(self.pair.fixed, self.margin[::-1], self.margin[::-1])

    def wide_block_mean(self, wide: np.ndarray, grid: LevelGrid) -> np.ndarray:
        """Return means over the blocks of a level, and over as many whole ones as the margin holds around them."""
        blocks = [m // f for m, f in zip(self.margin, grid.factors, strict=True)]
        axes = zip(self.margin, blocks, grid.factors, grid.shape, strict=True)
        kept = tuple(slice(m - k * f, m + (n + k) * f) for m, k, f, n in axes)
        return block_mean(wide[kept], grid.factors)

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
    margin = _margin(pair, initial)
    wide = sitk.ConstantPad(pair.fixed, margin, margin)
    moving = geometry.resample(pair.moving, wide, initial, fill=geometry.minimum(pair.moving))
    moving_mask = geometry.coverage(pair.moving, wide, initial)
    if pair.moving_mask is not None:
        moving_mask &= geometry.mask_on(wide, pair.moving_mask, initial)
    fixed_mask = np.ones(pair.fixed.GetSize()[::-1], bool)
    if pair.fixed_mask is not None:
        fixed_mask = geometry.mask_on(pair.fixed, pair.fixed_mask)
    arrays = geometry.array(pair.fixed), geometry.array(moving), fixed_mask, moving_mask
    return ResampledPair(pair, initial, *arrays, tuple(margin[::-1]))


def _margin(pair: Pair, initial: sitk.Transform) -> list[int]:
    """Voxels on both sides of each axis (x first): `MARGIN` of the fixed grid if the moving image has data there.

    There are two sizes only, this and none at all, because what is compiled for one does not serve another. In 3-D a
    slab of an eighth of the image, beyond one of its faces, is enough.
    """
    margin = [int(n * MARGIN) for n in pair.fixed.GetSize()]
    beyond = geometry.coverage(pair.moving, sitk.ConstantPad(pair.fixed, margin, margin), initial)
    beyond[_middle(margin, pair.fixed.GetSize()[::-1])] = False
    around = beyond.size - pair.fixed.GetNumberOfPixels()
    return margin if np.count_nonzero(beyond) >= WORTH * max(around, 1) else [0] * pair.ndim


def _middle(margin: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    """The part `shape` in array axis order of what is larger by `margin`, x first."""
    return tuple(slice(m, m + n) for m, n in zip(margin[::-1], shape, strict=True))

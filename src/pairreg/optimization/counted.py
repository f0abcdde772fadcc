"""What counts on one level: voxels of the fixed side, and interpolation cells of the moving side."""

from typing import NamedTuple

import numpy as np

from pairreg.arrays import Mask
from pairreg.optimization.block_mean import block_mean
from pairreg.optimization.wide_grid import WideGrid
from pairreg.transform.base import LevelGrid
from pairreg.transform.warp import inner, usable_cells


class Counted(NamedTuple):
    """What counts on one level, by the names of the inputs of an objective."""

    mask: Mask  # (*shape,) voxels of the fixed side
    usable: Mask  # (*wide,) interpolation cells of the moving side, by their first corners
    before: np.ndarray  # (ndim,) int32, voxels of the moving side before the first one of the fixed side

    def compared(self) -> Mask:
        """Return the voxels `(*shape,)` that a term compares where the field is zero."""
        axes = zip(self.before, self.mask.shape, self.usable.shape, strict=True)
        # Along each axis no cell begins at the last voxel: what lies there is at the end of the cell before.
        cells = [np.minimum(b + np.arange(n), max(wide - 2, 0)) for b, n, wide in axes]
        return self.mask & self.usable[np.ix_(*cells)]

    def reversed(self) -> "Counted":
        """Return what counts in the other direction: as the inputs of an objective are reversed."""
        within = inner(self.usable, self.before, self.mask.shape)
        return Counted(np.asarray(within), usable_cells(self.mask).numpy(), np.zeros_like(self.before))


def counted(fixed_mask: Mask, moving_mask: Mask, wide: WideGrid, grid: LevelGrid) -> Counted:
    """Return what counts on a level.

    **Arguments:** `fixed_mask` `(*spatial,)` and `moving_mask`, on the grid `wide`: the voxels that count there.
    """
    return Counted(
        mask=block_mean(fixed_mask, grid.factors) > 0,
        # A mean of 1, less rounding: all voxels of the block have data.
        usable=usable_cells(wide.block_mean(moving_mask, grid) > 0.999).numpy(),
        before=wide.blocks_before(grid),
    )

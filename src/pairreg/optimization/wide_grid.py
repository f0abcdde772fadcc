"""The grid on which the moving image is known: the fixed one with a margin, as far as tissue may come in from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.arrays import Image, Mask
from pairreg.optimization.block_mean import block_mean
from pairreg.pair.pair import Pair
from pairreg.schedule.base import level_factors
from pairreg.transform.base import LevelGrid

REACH = 0.25  # of the mean side of the fixed image: from so far beyond it tissue may come in
_COARSEST = 8  # scale of the coarsest usual level: margins are whole blocks of it
_WORTH = 0.05  # of a side or a plane of the fixed grid: less, such as the rim that an affine map leaves, is no reason


@dataclass(frozen=True)
class WideGrid:
    """A grid that holds the fixed one, and reaches beyond it on each side as far as the moving image has data.

    **Attributes:** `grid`: an image of zeros on it; `initial`: maps its points to moving ones; `before`: how many of
    its voxels lie before the first one of the fixed grid, whose `shape` this is, in array axis order.
    """

    grid: sitk.Image
    initial: sitk.Transform
    before: tuple[int, ...]
    shape: tuple[int, ...]

    def intensities(self, image: sitk.Image) -> Image:
        """Return an image of the moving side on this grid `(*wide,)`; beyond it, its lowest intensity."""
        return geometry.array(geometry.resample(image, self.grid, self.initial, fill=geometry.minimum(image)))

    def labels(self, image: sitk.Image) -> np.ndarray:
        """Return a label map of the moving side on this grid `(*wide,)`, by nearest neighbour; beyond it, 0."""
        return geometry.array(geometry.resample(image, self.grid, self.initial, nearest=True))

    def inner(self, wide: np.ndarray) -> np.ndarray:
        """Return what of an array on this grid lies on the fixed one, `(*wide,) -> (*shape,)`."""
        return wide[tuple(slice(b, b + n) for b, n in zip(self.before, self.shape, strict=True))]

    def block_mean(self, wide: np.ndarray, grid: LevelGrid) -> Image:
        """Return the means over the blocks of a level, and over as many whole ones as begin in the margin."""
        kept = tuple(slice(b % f, None) for b, f in zip(self.before, grid.factors, strict=True))
        return block_mean(wide[kept], grid.factors)

    def blocks_before(self, grid: LevelGrid) -> np.ndarray:
        """Return how many blocks of `block_mean` lie before the first one of the fixed grid, `(ndim,)`, int32."""
        return np.array([b // f for b, f in zip(self.before, grid.factors, strict=True)], np.int32)


def wide_grid(pair: Pair, initial: sitk.Transform) -> tuple[WideGrid, Mask]:
    """Return the grid for a pair, and the voxels of it `(*wide,)` at which the moving image has data.

    `initial` maps fixed to moving points. Along an axis there are three sizes only, as what is compiled for one does
    not serve another: no margin, that for one side, and that for both. It lies where the data are.
    """
    shape = pair.fixed.GetSize()[::-1]
    spacing = geometry.spacing(pair.fixed)
    blocks = level_factors(shape, spacing, _COARSEST)
    most = _widest(shape, spacing, blocks)
    widest = _padded(pair.fixed, most, most)
    known = known_voxels(pair.moving, pair.moving_mask, widest, initial)
    axes = zip(shape, most, blocks, _planes(known, most, shape), strict=True)
    margins = [_margins(planes, n, m, block) for n, m, block, planes in axes]
    before, after = (tuple(side) for side in zip(*margins, strict=True))
    kept = tuple(slice(m - b, m + n + a) for n, m, b, a in zip(shape, most, before, after, strict=True))
    return WideGrid(_padded(pair.fixed, before, after), initial, before, shape), known[kept]


def known_voxels(image: sitk.Image, mask: sitk.Image | None, grid: sitk.Image, initial: sitk.Transform) -> Mask:
    """Return the voxels of `grid` at which an image of the moving side has data, inside of its `mask` if it has one."""
    known = geometry.coverage(image, grid, initial)
    return known if mask is None else known & geometry.mask_on(grid, mask, initial)


def _widest(shape: Sequence[int], spacing: Sequence[float], blocks: Sequence[int]) -> list[int]:
    """Return the widest margin of each axis in voxels, whole `blocks`: `REACH`, or the length of a short axis itself.

    The grid then has less than five times the voxels of the fixed one, however flat that is.
    """
    sides = np.multiply(shape, spacing)
    reach = REACH * float(np.prod(sides)) ** (1 / len(sides))
    axes = zip(sides, spacing, blocks, strict=True)
    return [block * max(1, round(min(reach, side) / h / block)) for side, h, block in axes]


def _planes(known: Mask, most: Sequence[int], shape: Sequence[int]) -> list[np.ndarray]:
    """Return for each axis which planes across it have data worth a margin, `(n,)`."""
    found = []
    for axis, n in enumerate(shape):
        others = tuple(a for a in range(known.ndim) if a != axis)
        found.append(np.count_nonzero(known, axis=others) >= _WORTH * np.prod(shape) / n)
    return found


def _margins(planes: np.ndarray, n: int, most: int, block: int) -> tuple[int, int]:
    """Return the margins before and after an axis of `n` voxels, from which planes of the widest grid have data."""
    data = np.flatnonzero(planes)
    if not data.size:
        return 0, 0
    before, after = (
        block * -(-reach // block) if reach >= _WORTH * n else 0
        for reach in (max(0, most - int(data[0])), max(0, int(data[-1]) + 1 - most - n))
    )
    size = most * -(-(before + after) // most)
    before = max(before, size - most)
    return before, size - before


def _padded(fixed: sitk.Image, before: Sequence[int], after: Sequence[int]) -> sitk.Image:
    """Return an image of zeros on the grid of `fixed` with so many voxels more on its sides, in array axis order."""
    size = [n + b + a for n, b, a in zip(fixed.GetSize(), before[::-1], after[::-1], strict=True)]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing(fixed.GetSpacing())
    grid.SetDirection(fixed.GetDirection())
    grid.SetOrigin(fixed.TransformContinuousIndexToPhysicalPoint([-float(b) for b in before[::-1]]))
    return grid

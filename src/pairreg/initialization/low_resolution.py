"""Smaller copies of a pair, on which it is aligned."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from pairreg.geometry import array
from pairreg.pair.pair import Pair

JUDGED = {2: 128, 3: 48}  # voxels along the longest side where transforms are compared, wherever they were found


@dataclass(frozen=True)
class LowResolution:
    """Both images at one resolution, the moving one with a margin that repeats its border."""

    fixed: sitk.Image
    moving: sitk.Image
    fixed_mask: sitk.Image | None
    moving_mask: sitk.Image | None

    @property
    def spacing(self) -> float:
        """The longest side of a voxel of the fixed image in mm."""
        return float(max(self.fixed.GetSpacing()))

    @property
    def voxels(self) -> int:
        """The number of fixed voxels in the mask."""
        return int(np.count_nonzero(array(mask_or_ones(self.fixed, self.fixed_mask))))


def low_resolution(pair: Pair, across: int, margin: bool = True) -> LowResolution:
    """Return the pair with about `across` voxels along the longest side of each image (of the box around its mask).

    Without `margin`, the moving image ends where it does.
    """
    (fixed, fixed_mask), (moving, moving_mask) = (
        _shrink(image, mask, across) for image, mask in ((pair.fixed, pair.fixed_mask), (pair.moving, pair.moving_mask))
    )
    if not margin:
        return LowResolution(fixed, moving, fixed_mask, moving_mask)
    return LowResolution(fixed, _with_margin(moving), fixed_mask, moving_mask)


def carried(images: LowResolution, transform: sitk.Transform) -> LowResolution:
    """Return the images with the moving one where `transform`, from fixed to moving points, takes it."""
    mask = mask_or_ones(images.moving, images.moving_mask)
    return LowResolution(
        images.fixed,
        _with_margin(sitk.Resample(images.moving, images.fixed, transform, sitk.sitkLinear)),
        images.fixed_mask,
        sitk.Resample(mask, images.fixed, transform, sitk.sitkNearestNeighbor),
    )


def _with_margin(moving: sitk.Image) -> sitk.Image:
    """Return a moving image whose border is repeated around it.

    Without, voxels that leave the moving image leave the metric too, which its gradient does not know: the affine
    transform then grows until the images hardly overlap. And ITK's metric wants four voxels along each axis.
    """
    wide = [max(2, n // 4) for n in moving.GetSize()]
    wider: sitk.Image = sitk.ZeroFluxNeumannPad(moving, wide, wide)
    return wider


def _shrink(image: sitk.Image, mask: sitk.Image | None, across: int) -> tuple[sitk.Image, sitk.Image | None]:
    """Return `image` averaged over blocks that are as cubic in mm as whole numbers allow, cropped to its mask."""
    mask = None if mask is None else on_grid(mask, image)
    if mask is not None:
        image, mask = _crop_to_mask(image, mask), _crop_to_mask(mask, mask)
    sizes = list(zip(image.GetSize(), image.GetSpacing(), strict=True))
    block = max(n * s for n, s in sizes) / across
    factors = [max(1, min(n, round(block / s))) for n, s in sizes]
    small = sitk.BinShrink(image, factors)
    return small, None if mask is None else on_grid(mask, small)


def _crop_to_mask(image: sitk.Image, mask: sitk.Image) -> sitk.Image:
    """Return the part of `image` in the box around the mask; all of it for an empty mask."""
    inside = np.argwhere(array(mask))
    if not len(inside):  # the mask lies between the voxels of its image
        return image
    start, stop = inside.min(0)[::-1], inside.max(0)[::-1] + 1
    box: sitk.Image = sitk.RegionOfInterest(image, (stop - start).tolist(), start.tolist())
    return box


def on_grid(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Return `mask` on the grid of `image`, uint8."""
    resampled: sitk.Image = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    return resampled


def mask_or_ones(image: sitk.Image, mask: sitk.Image | None) -> sitk.Image:
    """Return the mask, or if there is none an image of ones on the grid of `image`."""
    if mask is not None:
        return mask
    full: sitk.Image = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    full.CopyInformation(image)
    return full

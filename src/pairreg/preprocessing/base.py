"""What every preprocessing does; the subclasses choose the intensities that are mapped."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.geometry import array, blur, per_axis, resample_to_spacing
from pairreg.pair.pair import Pair


@dataclass(frozen=True, kw_only=True)
class Preprocessing(ABC):
    """Maps the intensities of both images to a common range; blurs them and resamples the fixed one on request.

    **Arguments:**

    - `blur_fixed`, `blur_moving`: sigma of a Gaussian in mm, 0 = none.
    - `spacing`: voxel size of the fixed grid in mm, one number or one per axis (x first); None keeps the grid. The
      field of view is kept exactly: the number of voxels is rounded, and the spacing follows.
    - `range`: the intensities to which the limits of each image are mapped; what lies beyond is clipped.

    Labels, masks, landmarks and channels stay as they are.
    """

    blur_fixed: float = 0.0
    blur_moving: float = 0.0
    spacing: float | list[float] | tuple[float, ...] | None = None
    range: list[float] | tuple[float, ...] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if min(self.blur_fixed, self.blur_moving) < 0:
            raise ValueError(f"blur is a sigma in mm, 0 or more; it is {self.blur_fixed}, {self.blur_moving}")
        if not finite(self.range) or len(self.range) != 2 or self.range[0] >= self.range[1]:
            raise ValueError(f"range is a lower and a higher number, such as [0, 1]; it is {list(self.range)}")
        if self.spacing is not None and not all(0 < s < np.inf for s in np.atleast_1d(self.spacing)):
            raise ValueError(f"spacing is above 0 mm; it is {self.spacing}")

    def __call__(self, pair: Pair) -> Pair:
        """The pair with float32 images in `range`; raises `InputError` for an image that becomes constant."""
        fixed = blur(self.rescale(pair.fixed, pair.fixed_mask, f"fixed image of {pair.name}"), self.blur_fixed)
        moving = blur(self.rescale(pair.moving, pair.moving_mask, f"moving image of {pair.name}"), self.blur_moving)
        if self.spacing is not None:
            fixed = resample_to_spacing(fixed, per_axis(self.spacing, pair.ndim))
        return replace(pair, fixed=fixed, moving=moving)

    @abstractmethod
    def limits(self, intensities: np.ndarray) -> tuple[float, float]:
        """The intensities that are mapped to the ends of `range`, from those `(n,)` of one image in its mask."""

    def rescale(self, image: sitk.Image, mask: sitk.Image | None, what: str) -> sitk.Image:
        image = sitk.Cast(image, sitk.sitkFloat32)
        lower, upper = self.limits(inside(image, mask))
        clipped = np.clip(array(image), lower, upper).astype(np.float64)
        if clipped.min() == clipped.max():
            limits = f"between its limits {lower:g} and {upper:g}"
            raise InputError(f"The {what} is constant {limits}; choose another preprocessing or other limits.")
        low, high = self.range
        rescaled = sitk.GetImageFromArray((low + (high - low) * (clipped - lower) / (upper - lower)).astype(np.float32))
        rescaled.CopyInformation(image)
        return rescaled


def inside(image: sitk.Image, mask: sitk.Image | None) -> np.ndarray:
    """The intensities in the mask, whose grid may be another one; all of them if the mask meets no voxel centre."""
    voxels = array(image)
    if mask is None:
        return voxels.ravel()
    selected = voxels[array(sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0]
    return selected if selected.size else voxels.ravel()


def finite(numbers: Sequence[float]) -> bool:
    return bool(np.isfinite(numbers).all())

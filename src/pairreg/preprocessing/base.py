"""The base of all preprocessings; subclasses choose which intensities are mapped to the limits of the range."""

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import SimpleITK as sitk
from pydantic import AfterValidator, Field

from pairreg.backend.memory import lack_of_memory
from pairreg.errors import InputError
from pairreg.geometry import array, blur, per_axis, resample_to_spacing
from pairreg.pair.pair import InputNote, Pair
from pairreg.validation import Checked, Finite, NonNegative, Positive

log = logging.getLogger("pairreg")
_BYTES = 32  # per voxel of the fixed grid, that any registration takes at least


def _rising(limits: Sequence[float]) -> Sequence[float]:
    if len(limits) != 2 or limits[0] >= limits[1]:
        raise ValueError("a lower and a higher number, such as [0, 1]")
    return limits


@dataclass(frozen=True, kw_only=True)
class Preprocessing(Checked, ABC):
    """Maps the intensities of both images to a common range; blurs them and resamples the fixed one on request.

    **Arguments:**

    - `blur_fixed`, `blur_moving`: sigma of a Gaussian in mm, 0 = none.
    - `spacing`: voxel size of the fixed grid in mm, one number or one per axis (x first); None keeps the grid. The
      field of view is kept exactly: the number of voxels is rounded, and the spacing follows.
    - `range`: the intensities to which the limits of each image are mapped; what lies beyond is clipped.

    Labels, masks and landmarks stay as they are, and channels, unless a term compares them (see `compared`).
    """

    blur_fixed: NonNegative = 0.0
    blur_moving: NonNegative = 0.0
    spacing: Positive | list[Positive] | tuple[Positive, ...] | None = None
    range: Annotated[list[Finite] | tuple[Finite, ...], AfterValidator(_rising), Field(description="rising")] = (
        0.0,
        1.0,
    )

    def __call__(self, pair: Pair) -> Pair:
        """Return the pair with float32 images in `range`; raises `InputError` for an image that becomes constant."""
        fixed = self.rescale(pair.fixed, pair.fixed_mask, f"fixed image of {pair.name}")
        moving = self.rescale(pair.moving, pair.moving_mask, f"moving image of {pair.name}")
        fixed = _blurred(fixed, self.blur_fixed, "blur_fixed")
        moving = _blurred(moving, self.blur_moving, "blur_moving")
        # Last, so that limits are those of the original voxels. The moving image is resampled to this grid later, once.
        if self.spacing is not None:
            fixed = _resampled(fixed, per_axis(self.spacing, pair.ndim))
        low, high = map(float, self.range)
        return replace(pair, fixed=fixed, moving=moving, inputs=self.inputs_of(pair), intensity_range=(low, high))

    @property
    def keeps_mass(self) -> bool:
        """Whether preprocessed intensities are densities: 0 where nothing is, and on one scale in both images."""
        return False

    def compared(self, pair: Pair, on: str, as_densities: bool) -> tuple[sitk.Image, sitk.Image]:
        """Return both sides of what a term compares: a channel of the preprocessed `pair`, or its images as densities.

        A channel is mapped to `range` like an image, each side by its own limits. As densities both sides are only
        divided by the highest value of the fixed one. What is doubtful about limits for a channel is logged, such as
        a window in HU for a PET. Raises `InputError` for a channel that is constant, and for images that are no
        densities.
        """
        if on == "image":
            if not self.keeps_mass:
                raise InputError(
                    "mass_preserving compares densities; choose preprocessing=window, whose lower limit is the "
                    "intensity of no mass (-1000 for HU), and a range that begins at 0."
                )
            return pair.fixed, pair.moving
        fixed, moving = pair.fixed_channels[on], pair.channels[on]
        if as_densities:
            sides = [_finite(one, f"channel {on!r} of {pair.name}") for one in (fixed, moving)]
            highest = float(sides[0].max())
            if min(float(one.min()) for one in sides) < 0 or highest == 0:
                raise InputError(f"mass_preserving compares densities; the channel {on!r} has none, or is below 0.")
            return sitk.Cast(fixed / highest, sitk.sitkFloat32), sitk.Cast(moving / highest, sitk.sitkFloat32)
        for role, side, mask in (("fixed", fixed, pair.fixed_mask), ("moving", moving, pair.moving_mask)):
            if warning := self.warning(_inside(side, mask)):
                log.warning(f"The {role} channel {on!r} of {pair.name} {warning}")
        fixed = self.rescale(fixed, pair.fixed_mask, f"fixed channel {on!r} of {pair.name}")
        moving = self.rescale(moving, pair.moving_mask, f"moving channel {on!r} of {pair.name}")
        return _blurred(fixed, self.blur_fixed, "blur_fixed"), _blurred(moving, self.blur_moving, "blur_moving")

    def inputs_of(self, pair: Pair) -> dict[str, InputNote]:
        """Return the inputs of `pair`, to which what this preprocessing warns of is added; the warnings are logged."""
        found = dict(pair.inputs)
        for role, image, mask in (("fixed", pair.fixed, pair.fixed_mask), ("moving", pair.moving, pair.moving_mask)):
            warning = self.warning(_inside(image, mask))
            if warning is None:
                continue
            note = found.get(role)
            sentence = f"{note.path if note else f'The {role} image of {pair.name}'} {warning}"
            log.warning(sentence)
            if note:
                found[role] = replace(note, warnings=(*note.warnings, sentence))
        return found

    def warning(self, intensities: np.ndarray) -> str | None:
        """Return what is doubtful about these limits for one image; None if nothing is.

        The sentence goes on after the name of the image.
        """
        return None

    @abstractmethod
    def limits(self, intensities: np.ndarray) -> tuple[float, float]:
        """Return the intensities that are mapped to the ends of `range`, from those `(n,)` of one image in its mask."""

    def rescale(self, image: sitk.Image, mask: sitk.Image | None, what: str) -> sitk.Image:
        """Return the image in float32, clipped to its limits and mapped to `range`.

        Raises `InputError`, which begins with `what`, for NaN and infinity, and if all its voxels have one intensity
        then.
        """
        image = sitk.Cast(image, sitk.sitkFloat32)
        voxels = _finite(image, what)
        lower, upper = self.limits(_inside(image, mask))
        clipped = np.clip(voxels, lower, upper).astype(np.float64)
        if clipped.min() == clipped.max():
            limits = f"between its limits {lower:g} and {upper:g}"
            raise InputError(f"The {what} is constant {limits}; choose another preprocessing or other limits.")
        low, high = self.range
        rescaled = sitk.GetImageFromArray((low + (high - low) * (clipped - lower) / (upper - lower)).astype(np.float32))
        rescaled.CopyInformation(image)
        return rescaled


def _finite(image: sitk.Image, what: str) -> np.ndarray:
    """Return the voxels of an image; raises `InputError`, which begins with `what`, if they are not all finite."""
    voxels = array(image)
    if not np.isfinite([voxels.min(), voxels.max()]).all():  # NaN is both
        raise InputError(f"The {what} has NaN or infinite voxels; replace them by the value of the background.")
    return voxels


def _inside(image: sitk.Image, mask: sitk.Image | None) -> np.ndarray:
    """Return the intensities in the mask, whose grid may be another one.

    All of them if there is no mask, or if it meets no voxel centre.
    """
    voxels = array(image)
    if mask is None:
        return voxels.ravel()
    selected = voxels[array(sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0]
    return selected if selected.size else voxels.ravel()


def _blurred(image: sitk.Image, sigma: float, setting: str) -> sitk.Image:
    """Return the image smoothed by `sigma` mm; raises `InputError` if nothing would be left of it."""
    longest = max(_extent(image))
    if sigma > longest:
        raise InputError(f"preprocessing.{setting} is {sigma:g} mm, the image {longest:g} mm long; give less.")
    return blur(image, sigma)


def _resampled(image: sitk.Image, spacing: np.ndarray) -> sitk.Image:
    """Return the image on a grid of `spacing` (x first).

    Raises `InputError` if the grid would have a single voxel along an axis, or too many for the memory.
    """
    voxels = _extent(image) / spacing
    shown = f"preprocessing.spacing, {spacing.tolist()} mm"
    if voxels.min() < 1.5 and np.array(image.GetSize()).min() > 1:
        raise InputError(f"{shown}, leaves one voxel of an axis of {_extent(image).min():g} mm; give less.")
    count = math.prod(voxels.tolist())
    if problem := lack_of_memory(f"{shown}, makes {count:.3g} voxels and", _BYTES * count / 1e9):
        raise InputError(problem)
    return resample_to_spacing(image, spacing)


def _extent(image: sitk.Image) -> np.ndarray:
    """Return the lengths of the field of view in mm, x first."""
    return np.array(image.GetSize()) * image.GetSpacing()

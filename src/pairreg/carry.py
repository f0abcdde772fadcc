"""An image of the moving side, carried along with a transform."""

from typing import Literal

import SimpleITK as sitk

from pairreg import geometry

Interpolation = Literal["linear", "nearest", "label"]
INTERPOLATORS = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor, "label": sitk.sitkLabelLinear}


def carry(
    image: sitk.Image, grid: sitk.Image, transform: sitk.Transform, interpolation: Interpolation = "linear"
) -> sitk.Image:
    """`image` on `grid`, interpolated once; `transform` maps grid points to points of `image`.

    `linear` is for intensities: where `image` does not reach, they are its lowest. The others are for labels, which
    are 0 there: `nearest`, or `label`, the label whose indicator, interpolated linearly, is highest. The latter has
    smooth outlines where `grid` is finer than `image`.
    """
    return sitk.Resample(
        image, grid, transform, INTERPOLATORS[interpolation], fill(image, interpolation), image.GetPixelID()
    )


def fill(image: sitk.Image, interpolation: Interpolation) -> float:
    return geometry.minimum(image) if interpolation == "linear" else 0.0


def channel_interpolation(channel: sitk.Image) -> Interpolation:
    """A channel of an integer type is a label map."""
    return "linear" if "float" in channel.GetPixelIDTypeAsString() else "nearest"

"""Initialisation by the centres of the images."""

from dataclasses import dataclass
from typing import Literal, final

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.initialization.base import Initialization
from pairreg.initialization.low_resolution import on_grid
from pairreg.initialization.single_thread import one_thread
from pairreg.pair.pair import Pair

By = Literal["mass", "geometry"]


@final
@dataclass(frozen=True, kw_only=True)
class CenterOfMass(Initialization):
    """Translates the centre of the fixed image to that of the moving one.

    **Arguments:** `by`: `mass` (intensities above the smallest one, in the masks) or `geometry` (the grids).

    Raises `InputError` (when called) for an image without mass.
    """

    by: By = "mass"

    def __call__(self, pair: Pair) -> sitk.Transform:
        return sitk.TranslationTransform(pair.ndim, translation_between_centres(pair, self.by).GetTranslation())


def translation_between_centres(pair: Pair, by: By) -> sitk.AffineTransform:
    """Return the translation between the centres `by`, as an affine transform around that of the fixed image.

    Raises `InputError` for an image without mass.
    """
    mode = sitk.CenteredTransformInitializerFilter
    strategy = mode.MOMENTS if by == "mass" else mode.GEOMETRY
    images = _mass(pair.fixed, pair.fixed_mask), _mass(pair.moving, pair.moving_mask)
    try:
        with one_thread():
            transform = sitk.CenteredTransformInitializer(*images, sitk.AffineTransform(pair.ndim), strategy)
    except RuntimeError as error:
        advice = "check its masks, or use initialization.by=geometry"
        raise InputError(f"An image of {pair.name} has no mass inside its mask; {advice}.") from error
    return sitk.AffineTransform(transform)


def _mass(image: sitk.Image, mask: sitk.Image | None) -> sitk.Image:
    """Return the intensities above the smallest one, 0 outside the mask: moments need a background of 0."""
    smallest = sitk.MinimumMaximumImageFilter()
    smallest.Execute(image)
    weights: sitk.Image = sitk.Cast(image - smallest.GetMinimum(), sitk.sitkFloat32)
    if mask is not None:
        weights = sitk.Mask(weights, on_grid(mask, image))
    return weights

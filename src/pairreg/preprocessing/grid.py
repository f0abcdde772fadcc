"""Blur and resampling in mm, x first."""

from collections.abc import Sequence
from math import ceil

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError


def per_axis(spacing: float | Sequence[float], ndim: int) -> np.ndarray:
    values = np.broadcast_to(spacing, ndim) if np.ndim(spacing) == 0 else np.array(spacing, dtype=float)
    if len(values) != ndim:
        raise InputError(f"preprocessing.spacing has {len(values)} numbers for a {ndim}-D image; give one or {ndim}.")
    return np.asarray(values, dtype=float)


def blur(image: sitk.Image, sigma: float | Sequence[float]) -> sitk.Image:
    """`image` smoothed by a Gaussian of `sigma` mm (one number or one per axis, 0 = not along this axis).

    The sampled kernel, unlike the recursive one, also takes images that are fewer than four voxels thick.
    """
    sigmas = np.broadcast_to(sigma, image.GetDimension()).astype(float)
    if not sigmas.any():
        return image
    width = 2 * ceil(5 * float((sigmas / image.GetSpacing()).max())) + 3  # never the limit: the error is
    return sitk.DiscreteGaussian(image, (sigmas**2).tolist(), width, 0.001, True)


def resample(image: sitk.Image, spacing: np.ndarray) -> sitk.Image:
    """`image` on a grid of about `spacing` mm over exactly the same field of view, smoothed first where it is coarser.

    The number of voxels is whole, so the spacing is the field of view divided by it.
    """
    old = np.array(image.GetSpacing())
    size = np.maximum(1, np.round(old * image.GetSize() / spacing)).astype(int)
    new = old * image.GetSize() / size
    if np.array_equal(size, image.GetSize()):
        return image
    # the first voxel's centre, half a new voxel from the edge where half an old one begins
    origin = image.TransformContinuousIndexToPhysicalPoint((-0.5 + 0.5 * new / old).tolist())
    smooth = blur(image, 0.5 * np.sqrt(np.maximum(new**2 - old**2, 0)))
    return sitk.Resample(
        smooth, size.tolist(), sitk.Transform(), sitk.sitkLinear, origin, new.tolist(), image.GetDirection()
    )

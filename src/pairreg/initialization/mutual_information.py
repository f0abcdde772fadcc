"""The mutual information of two images under a linear transform, and its optimisation."""

import SimpleITK as sitk

from pairreg.geometry import array
from pairreg.initialization.low_resolution import LowResolution, mask_or_ones

_BINS = 32  # of each image's intensities, as in the similarity `mi`
STRIDES = (0.25, 0.05)  # voxels per step of the two searches of a level: first large ones, then small ones


def _mattes_metric(images: LowResolution, transform: sitk.Transform) -> sitk.ImageRegistrationMethod:
    """Return a registration method with Mattes mutual information of both images in their masks.

    It moves `transform` in place.
    """
    registration = sitk.ImageRegistrationMethod()
    registration.SetMetricAsMattesMutualInformation(_BINS)
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetInitialTransform(transform, inPlace=True)
    if images.fixed_mask is not None:
        registration.SetMetricFixedMask(images.fixed_mask)
    if images.moving_mask is not None:
        registration.SetMetricMovingMask(images.moving_mask)
    return registration


def overlap_weighted_mi(images: LowResolution, transform: sitk.Transform) -> float:
    """Return the mutual information (nats) times the part of the fixed image that meets the moving one.

    Higher is better; 0 without overlap. The product is the information per fixed voxel: without it, a small overlap can
    look best.
    """
    part = _overlap(images, transform)
    if part == 0:
        return 0.0
    return -float(_mattes_metric(images, transform).MetricEvaluate(images.fixed, images.moving)) * part


def _overlap(images: LowResolution, transform: sitk.Transform) -> float:
    """Return the part of the fixed image (in its mask) that `transform` takes into the moving one (its mask)."""
    moving = mask_or_ones(images.moving, images.moving_mask)
    there = sitk.Resample(moving, images.fixed, transform, sitk.sitkNearestNeighbor, 0)
    both = array(there) * array(mask_or_ones(images.fixed, images.fixed_mask))
    return float(both.astype(bool).sum()) / max(images.voxels, 1)


def optimise(
    images: LowResolution, transform: sitk.Transform, stride: float, samples: int, iterations: int, seed: int
) -> None:
    """Move `transform` uphill, the farthest voxel by `stride` voxels a step, until this gains nothing more.

    The steps are measured in mm. A step measured in parameters (as the regular-step optimiser does) is dozens of voxels
    long when only a matrix entry has a gradient, as at the start of the affine transform from the rigid optimum.
    Raises `RuntimeError` if the images do not overlap any more.
    """
    registration = _mattes_metric(images, transform)
    registration.SetMetricSamplingStrategy(registration.RANDOM)
    # SimpleITK takes the seed 0 for the clock
    registration.SetMetricSamplingPercentage(min(1.0, samples / max(images.voxels, 1)), seed + 1)
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetOptimizerAsGradientDescent(
        learningRate=1.0,
        numberOfIterations=iterations,
        convergenceMinimumValue=1e-6,  # this and the next are the defaults of SimpleITK
        convergenceWindowSize=10,
        estimateLearningRate=registration.EachIteration,
        maximumStepSizeInPhysicalUnits=stride * images.spacing,
    )
    registration.Execute(images.fixed, images.moving)

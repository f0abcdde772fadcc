"""Mutual information of two images under a linear transform, and its optimisation."""

import SimpleITK as sitk

from pairreg.geometry import array
from pairreg.initialization.low_resolution import View, valid

BINS = 32
STRIDES = (0.25, 0.05)  # voxels: first far, then fine


def method(view: View, transform: sitk.Transform) -> sitk.ImageRegistrationMethod:
    """Mattes mutual information of the images of `view` in their masks; it moves `transform` in place."""
    registration = sitk.ImageRegistrationMethod()
    registration.SetMetricAsMattesMutualInformation(BINS)
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetInitialTransform(transform, inPlace=True)
    if view.fixed_mask is not None:
        registration.SetMetricFixedMask(view.fixed_mask)
    if view.moving_mask is not None:
        registration.SetMetricMovingMask(view.moving_mask)
    return registration


def score(view: View, transform: sitk.Transform) -> float:
    """Mutual information (nats) times the part of the fixed image that meets the moving one; higher is better.

    The product is the information per fixed voxel: without it, a small overlap can look best. 0 if there is none.
    """
    part = overlap(view, transform)
    if part == 0:
        return 0.0
    return -float(method(view, transform).MetricEvaluate(view.fixed, view.moving)) * part


def overlap(view: View, transform: sitk.Transform) -> float:
    """The part of the fixed image (in its mask) that `transform` takes into the moving view (its mask)."""
    moving = valid(view.moving, view.moving_mask)
    there = sitk.Resample(moving, view.fixed, transform, sitk.sitkNearestNeighbor, 0)
    both = array(there) * array(valid(view.fixed, view.fixed_mask))
    return float(both.astype(bool).sum()) / max(view.voxels, 1)


def optimise(view: View, transform: sitk.Transform, stride: float, samples: int, iterations: int, seed: int) -> None:
    """Move `transform` uphill, the farthest voxel by `stride` voxels a step, until this gains nothing more.

    The steps are measured in mm. A step measured in parameters (as the regular-step optimiser does) is dozens of voxels
    long when only a matrix entry has a gradient, as at the start of the affine transform from the rigid optimum.
    Raises `RuntimeError` if the images lose each other.
    """
    registration = method(view, transform)
    registration.SetMetricSamplingStrategy(registration.RANDOM)
    # SimpleITK takes the seed 0 for the clock
    registration.SetMetricSamplingPercentage(min(1.0, samples / max(view.voxels, 1)), seed + 1)
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetOptimizerAsGradientDescent(
        learningRate=1.0,
        numberOfIterations=iterations,
        convergenceMinimumValue=1e-6,
        convergenceWindowSize=10,
        estimateLearningRate=registration.EachIteration,
        maximumStepSizeInPhysicalUnits=stride * view.spacing,
    )
    registration.Execute(view.fixed, view.moving)

"""Mutual information of two images under a linear transform, and its optimisation."""

import SimpleITK as sitk

from pairreg.initialization.views import View

BINS = 32
SMALLEST_STEP = 1e-3  # voxels


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
    try:
        return -float(method(view, transform).MetricEvaluate(view.fixed, view.moving)) * part
    except RuntimeError:  # too few voxels for a histogram
        return 0.0


def overlap(view: View, transform: sitk.Transform) -> float:
    """The part of the fixed image (in its mask) that `transform` takes into the moving one (in its mask), 0 to 1."""
    there = sitk.Resample(view.moving_valid, view.fixed, transform, sitk.sitkNearestNeighbor, 0)
    both = sitk.GetArrayFromImage(there) * sitk.GetArrayFromImage(view.fixed_valid)
    return float(both.astype(bool).sum()) / max(view.voxels, 1)


def optimise(view: View, transform: sitk.Transform, samples: int, iterations: int, seed: int) -> None:
    """Move `transform` uphill in steps of at most half a voxel; raises `RuntimeError` if the images lose each other."""
    registration = method(view, transform)
    registration.SetMetricSamplingStrategy(registration.RANDOM)
    # SimpleITK takes the seed 0 for the clock
    registration.SetMetricSamplingPercentage(min(1.0, samples / max(view.voxels, 1)), seed + 1)
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetOptimizerAsRegularStepGradientDescent(
        learningRate=0.5 * view.spacing,  # whole voxels make the affine transform diverge now and then
        minStep=SMALLEST_STEP * view.spacing,
        numberOfIterations=iterations,
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-8,
    )
    registration.Execute(view.fixed, view.moving)

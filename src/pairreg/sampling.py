"""Intensities on the grid of another image, without aliasing where its voxels are larger.

A scanner measures means over voxels. What is looked up at the centres of larger voxels, has noise and edges that no
scan with such voxels would show: white noise of sigma 1 at 0.5 mm keeps .36 on a grid of 4 mm, of which the mean over
the voxels leaves .044. So a larger voxel is given the mean of samples across it.
"""

import itertools
from math import ceil

import numpy as np
import SimpleITK as sitk

PLAIN = 1.5  # widths up to which linear interpolation leaves less noise than the mean: 2/3 of the variance per axis
_SAMPLES = 4  # along an axis, at least, before blocks of the image are averaged first: that is faster
_MOST = 16  # along an axis


def resample_means(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform, fill: float) -> sitk.Image:
    """Return the intensities of `image` over the voxels of `grid`, in the pixel type of `image`.

    `transform` maps grid to image points, `fill` stands where it leaves the image. Along an axis on which a voxel of
    `grid` is at most one and a half voxels of `image` wide, this is linear interpolation at its centre. Otherwise it is
    the mean of such samples across it, which keeps constants and ramps; on aligned grids whose voxels are whole numbers
    wide it is the mean over the voxels that they hold.
    """
    blocks = _blocks(image, grid, transform)
    source = _block_means(image, blocks) if max(blocks) > 1 else image
    positions = sample_positions(source, grid, transform)
    # Wider than the whole image, as of a transform that has diverged: no mean is worth 16 samples along each axis.
    shifts = [] if max(map(len, positions)) == _MOST else list(itertools.product(*positions))
    if len(shifts) <= 1:
        return sitk.Resample(image, grid, transform, sitk.sitkLinear, fill, image.GetPixelID())
    total = np.zeros(())
    for shift in shifts:
        total = total + sitk.GetArrayFromImage(_at(source, grid, transform, shift, fill))  # in float64
    return _as_image(total / len(shifts), image, grid)


def covered(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> np.ndarray:
    """Return at which voxels of `grid` `(*spatial,)` all samples that `resample_means` takes lie in `image`."""
    ones = sitk.Image(image.GetSize(), sitk.sitkFloat32) + 1
    ones.CopyInformation(image)
    positions = sample_positions(image, grid, transform)
    outermost = itertools.product(*({p[0], p[-1]} for p in positions))
    inside = [sitk.GetArrayFromImage(_at(ones, grid, transform, shift, 0.0)) > 0.999 for shift in outermost]
    return np.logical_and.reduce(inside)


def sample_positions(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> list[np.ndarray]:
    """Return where samples lie along each axis (x first) of a voxel of `grid`, in parts of it; 0 is its centre.

    They are as many as the voxel is wide in voxels of `image`, and so far apart that their variance, with that over a
    voxel of `image`, is the variance over a voxel of `grid`.
    """
    return [_positions(width) for width in np.linalg.norm(_steps(image, grid, transform), axis=0)]


def _positions(width: float) -> np.ndarray:
    if width <= PLAIN:
        return np.zeros(1)
    count = ceil(min(width, _MOST) - 1e-3)
    # The variance of n samples at a distance d is d²(n² − 1)/12, that over a width w is w²/12.
    distance = np.sqrt((width**2 - 1) / (count**2 - 1)) / width
    positions: np.ndarray = (np.arange(count) - (count - 1) / 2) * distance
    return positions


def _blocks(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> list[int]:
    """Return how many voxels of `image` may be averaged along each axis, so that `_SAMPLES` blocks cross any voxel."""
    steps = _steps(image, grid, transform)
    if np.linalg.matrix_rank(steps) < len(steps):
        return [1] * len(steps)
    in_grid = abs(np.linalg.inv(steps)).max(0)  # the longest side of a voxel of `image`, in voxels of `grid`
    return [min(n, max(1, int(1 / (_SAMPLES * part) + 1e-6))) for part, n in zip(in_grid, image.GetSize(), strict=True)]


def _block_means(image: sitk.Image, blocks: list[int]) -> sitk.Image:
    """Return the means over `blocks` of voxels; those that reach beyond the image are filled up with its border."""
    missing = [-n % block for n, block in zip(image.GetSize(), blocks, strict=True)]
    padded = sitk.ZeroFluxNeumannPad(sitk.Cast(image, _real(image)), [0] * len(missing), missing)
    return sitk.BinShrink(padded, blocks)


def _steps(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> np.ndarray:
    """Return, as columns, where steps along the axes of `grid` lead in voxels of `image`, by least squares; x first."""
    lines = [np.linspace(-0.5, n - 0.5, 4) for n in grid.GetSize()]
    index = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, len(lines))
    points = [transform.TransformPoint(grid.TransformContinuousIndexToPhysicalPoint(i)) for i in index.tolist()]
    ends = np.array([image.TransformPhysicalPointToContinuousIndex(point) for point in points])
    steps: np.ndarray = np.linalg.lstsq(index - index.mean(0), ends - ends.mean(0), rcond=None)[0].T
    return steps


def _at(
    image: sitk.Image, grid: sitk.Image, transform: sitk.Transform, shift: tuple[float, ...], fill: float
) -> sitk.Image:
    """Return `image` by linear interpolation on `grid`, moved by `shift` of its voxels."""
    origin = grid.TransformContinuousIndexToPhysicalPoint([float(s) for s in shift])
    placed = (grid.GetSize(), transform, sitk.sitkLinear, origin, grid.GetSpacing(), grid.GetDirection())
    return sitk.Resample(image, *placed, fill, _real(image))


def _real(image: sitk.Image) -> int:
    """Return the pixel type of means: float32, of vectors where the image has them; float64 stays."""
    double = "64-bit float" in image.GetPixelIDTypeAsString()
    if image.GetNumberOfComponentsPerPixel() > 1:
        return int(sitk.sitkVectorFloat64 if double else sitk.sitkVectorFloat32)
    return int(sitk.sitkFloat64 if double else sitk.sitkFloat32)


def _as_image(values: np.ndarray, image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Return `values` on `grid`, in the pixel type of `image`, rounded if that is an integer."""
    whole = "float" not in image.GetPixelIDTypeAsString()
    vector = image.GetNumberOfComponentsPerPixel() > 1
    result = sitk.GetImageFromArray(np.rint(values) if whole else values, isVector=vector)
    result.CopyInformation(grid)
    return sitk.Cast(result, image.GetPixelID())

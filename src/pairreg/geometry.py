"""The relation between arrays in voxels and images in physical space.

Arrays have SimpleITK's array axis order (z, y, x); points and displacements on disk are LPS mm, x first.
"""

from collections.abc import Sequence
from itertools import product
from math import ceil
from typing import Literal, get_args

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.sampling import covered, resample_means
from pairreg.validation import one_of

Interpolation = Literal["linear", "nearest", "label"]
SAME = 0.1  # voxels at the corners: two grids that differ by less are one
LABEL_INTERPOLATORS = {"nearest": sitk.sitkNearestNeighbor, "label": sitk.sitkLabelLinear}


def array(image: sitk.Image) -> np.ndarray:
    """Return a copy of the voxels `(*spatial,)`, or `(*spatial, channels)` of a vector image."""
    result: np.ndarray = sitk.GetArrayFromImage(image)
    return result


def image(values: np.ndarray, like: sitk.Image, vector: bool = False) -> sitk.Image:
    """Return `values` `(*spatial,)`, or `(*spatial, channels)` with `vector`, as an image on the grid of `like`."""
    result = sitk.GetImageFromArray(values, isVector=vector)
    result.CopyInformation(like)
    return result


def spacing(image: sitk.Image) -> tuple[float, ...]:
    """Return the distances between voxel centres in mm, array axis order."""
    return tuple(float(h) for h in image.GetSpacing()[::-1])


def index_to_physical(image: sitk.Image) -> np.ndarray:
    """Return the matrix `(ndim, ndim)` from a step in voxels (array axis order) to a step in mm (x first)."""
    n = image.GetDimension()
    matrix: np.ndarray = (np.reshape(image.GetDirection(), (n, n)) * np.asarray(image.GetSpacing()))[:, ::-1]
    return matrix


def corners(size: tuple[int, ...]) -> np.ndarray:
    """Return the indices `(ndim, 2^ndim)` of the outer corners of a grid; along an axis with one voxel, its centre."""
    return np.array(list(product(*((-0.5, n - 0.5) if n > 1 else (0.0,) for n in size)))).T


def discrepancy(first: np.ndarray, second: np.ndarray, size: tuple[int, ...]) -> float:
    """Return how far apart two matrices `(ndim + 1, ndim + 1)` put a corner at most, in voxels of the first."""
    points = np.vstack([corners(size), np.ones(corners(size).shape[1])])
    apart = np.linalg.solve(first, second @ points) - points
    return float(np.linalg.norm(apart, axis=0).max())


def matrix_of(image: sitk.Image) -> np.ndarray:
    """Return the matrix `(ndim + 1, ndim + 1)` from indices to mm, x first."""
    n = image.GetDimension()
    matrix = np.eye(n + 1)
    matrix[:n, :n] = np.reshape(image.GetDirection(), (n, n)) * image.GetSpacing()
    matrix[:n, n] = image.GetOrigin()
    return matrix


def voxel_points(image: sitk.Image) -> np.ndarray:
    """Return the physical position of every voxel in LPS mm, `(*spatial, ndim)`, x first."""
    shape = image.GetSize()[::-1]
    index = np.stack(np.meshgrid(*[np.arange(n, dtype=np.float64) for n in shape], indexing="ij"), -1)
    points: np.ndarray = index @ index_to_physical(image).T + np.asarray(image.GetOrigin())
    return points


def centred_origin(image: sitk.Image, other: sitk.Image) -> list[float]:
    """Return the origin with which `image` has its centre where that of `other` is."""
    a, b = (i.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in i.GetSize()]) for i in (image, other))
    return [float(x) for x in np.array(image.GetOrigin()) + b - a]


def linear_part(transform: sitk.Transform, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `A` `(ndim, ndim)` and `b` `(ndim,)` of a linear transform `y = A x + b`."""
    b = np.asarray(transform.TransformPoint([0.0] * ndim))
    columns = [np.asarray(transform.TransformPoint(list(e))) - b for e in np.eye(ndim)]
    return np.stack(columns, 1), b


def is_identity(transform: sitk.Transform, ndim: int) -> bool:
    """Return whether a transform is linear and leaves every point where it is."""
    if not transform.IsLinear():
        return False
    matrix, offset = linear_part(transform, ndim)
    return bool(np.allclose(matrix, np.eye(ndim)) and np.allclose(offset, 0))


def total_displacement(field: np.ndarray, fixed: sitk.Image, initial: sitk.Transform) -> sitk.Image:
    """Return the vector image of `T(x + u(x)) - x` in LPS mm on the grid of `fixed`: field and initialisation in one.

    `field` `(*spatial, ndim)` is in voxels. SimpleITK, ANTs and 3-D Slicer apply the result as it is.
    """
    matrix, offset = linear_part(initial, fixed.GetDimension())
    points = voxel_points(fixed)
    moved = points + field.astype(np.float64) @ index_to_physical(fixed).T
    return image((moved @ matrix.T + offset - points).astype(np.float32), fixed, vector=True)


def voxels_of(points: np.ndarray, image: sitk.Image) -> np.ndarray:
    """Return points `(n, ndim)` in LPS mm in voxels of `image`, both x first; 0 is the centre of the first voxel."""
    listed = np.asarray(points, float).tolist()
    return np.array([image.TransformPhysicalPointToContinuousIndex(point) for point in listed])


def inside(points: np.ndarray, image: sitk.Image, margin: float = 0.0) -> np.ndarray:
    """Return which of the points `(n, ndim)` in LPS mm lie in the voxels of `image`.

    With `margin`, those within as many voxels around the image lie in it, too.
    """
    index = voxels_of(points, image)
    within = (index >= -0.5 - margin) & (index < np.array(image.GetSize()) - 0.5 + margin)
    return np.asarray(within.all(1))


def displacement_transform(displacement: sitk.Image) -> sitk.DisplacementFieldTransform:
    """Return the transform of a vector image in LPS mm; the image stays usable."""
    # The cast makes the copy that the transform takes over.
    return sitk.DisplacementFieldTransform(sitk.Cast(displacement, sitk.sitkVectorFloat64))


def identity(ndim: int) -> sitk.Transform:
    """Return the transform that leaves every point where it is."""
    return sitk.Transform(ndim, sitk.sitkIdentity)


def resample(
    moving: sitk.Image, grid: sitk.Image, transform: sitk.Transform, nearest: bool = False, fill: float = 0.0
) -> sitk.Image:
    """Return `moving` on `grid`; `transform` maps grid to moving points, `fill` stands where it leaves the image.

    Intensities are means over the voxels of `grid`, see `pairreg.sampling`; labels are those at their centres.
    """
    if nearest:
        return sitk.Resample(moving, grid, transform, sitk.sitkNearestNeighbor, fill, moving.GetPixelID())
    return resample_means(moving, grid, transform, fill)


def warp_image(
    image: sitk.Image, grid: sitk.Image, transform: sitk.Transform, interpolation: Interpolation = "linear"
) -> sitk.Image:
    """Return `image` on `grid`, interpolated once; `transform` maps grid points to points of `image`.

    `linear` is for intensities, averaged over larger voxels as by `resample`. The others are for labels: `nearest`, or
    `label`, the label whose indicator, interpolated linearly, is highest. The latter has smooth outlines where `grid`
    is finer than `image`. Where the image does not reach, the result is its `background`.

    Raises `InputError` for another interpolation.
    """
    one_of("interpolation", interpolation, get_args(Interpolation))
    fill = background(image, interpolation)
    if interpolation == "linear":
        return resample_means(image, grid, transform, fill)
    return sitk.Resample(image, grid, transform, LABEL_INTERPOLATORS[interpolation], fill, image.GetPixelID())


def background(image: sitk.Image, interpolation: Interpolation) -> float:
    """Return the value for "no data": the lowest intensity of an image, the label 0 of a label map."""
    return minimum(image) if interpolation == "linear" else 0.0


def channel_interpolation(channel: sitk.Image) -> Interpolation:
    """Return how a channel is interpolated: one of an integer type is a label map."""
    return "linear" if "float" in channel.GetPixelIDTypeAsString() else "nearest"


def coverage(moving: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> np.ndarray:
    """Return where on `grid` `(*spatial,)` the transform leads to points of `moving`, with the whole of a voxel."""
    return covered(moving, grid, transform)


def mask_on(grid: sitk.Image, mask: sitk.Image, transform: sitk.Transform | None = None) -> np.ndarray:
    """Return where on `grid` `(*spatial,)` the mask or label map `mask` is above 0, by nearest neighbour.

    `transform` maps grid points to points of `mask`; without one they share a space.
    """
    through = identity(grid.GetDimension()) if transform is None else transform
    inside: np.ndarray = array(resample(mask, grid, through, nearest=True)) > 0
    return inside


def minimum(image: sitk.Image) -> float:
    """Return the lowest intensity of an image."""
    return float(array(image).min())


def per_axis(spacing: float | Sequence[float], ndim: int) -> np.ndarray:
    """Return one number per axis, `(ndim,)`, from one number or as many as there are axes.

    Raises `InputError` for another number of them.
    """
    values = np.broadcast_to(spacing, ndim) if np.ndim(spacing) == 0 else np.array(spacing, dtype=float)
    if len(values) != ndim:
        raise InputError(f"preprocessing.spacing has {len(values)} numbers for a {ndim}-D image; give one or {ndim}.")
    return np.asarray(values, dtype=float)


def blur(image: sitk.Image, sigma: float | Sequence[float]) -> sitk.Image:
    """Return `image` smoothed by a Gaussian of `sigma` mm.

    `sigma` is one number or one per axis (x first), 0 = not along this axis. The sampled kernel, unlike the recursive
    one, also takes images that are fewer than four voxels thick.
    """
    sigmas = np.broadcast_to(sigma, image.GetDimension()).astype(float)
    if not sigmas.any():
        return image
    # Wide enough that the kernel is cut by the error bound (0.001), never by this width.
    width = 2 * ceil(5 * float((sigmas / image.GetSpacing()).max())) + 3
    return sitk.DiscreteGaussian(image, (sigmas**2).tolist(), width, 0.001, True)


def resample_to_spacing(image: sitk.Image, spacing: np.ndarray) -> sitk.Image:
    """Return `image` on the `grid_of_spacing`; where its voxels are larger they have the mean of the old ones."""
    grid = grid_of_spacing(image, spacing)
    if grid.GetSize() == image.GetSize():
        return image
    return resample(image, grid, identity(image.GetDimension()))


def grid_of_spacing(image: sitk.Image, spacing: np.ndarray) -> sitk.Image:
    """Return an image of zeros with voxels of about `spacing` mm (x first) over exactly the field of view of `image`.

    The number of voxels is whole, so the spacing is the field of view divided by it.
    """
    old = np.array(image.GetSpacing())
    size = np.maximum(1, np.round(old * image.GetSize() / spacing)).astype(int)
    new = old * image.GetSize() / size
    grid = sitk.Image(size.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(new.tolist())
    grid.SetDirection(image.GetDirection())
    # The first voxel's centre lies half a new voxel from the edge, where half an old one begins.
    grid.SetOrigin(image.TransformContinuousIndexToPhysicalPoint((-0.5 + 0.5 * new / old).tolist()))
    return grid

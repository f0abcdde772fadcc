"""Between arrays in voxels and images in physical space.

Arrays have SimpleITK's array axis order (z, y, x); points and displacements on disk are LPS mm, x first.
"""

import numpy as np
import SimpleITK as sitk


def array(image: sitk.Image) -> np.ndarray:
    result: np.ndarray = sitk.GetArrayFromImage(image)
    return result


def image(values: np.ndarray, like: sitk.Image, vector: bool = False) -> sitk.Image:
    """`values` `(*spatial,)`, or `(*spatial, channels)` with `vector`, on the grid of `like`."""
    result = sitk.GetImageFromArray(values, isVector=vector)
    result.CopyInformation(like)
    return result


def spacing(image: sitk.Image) -> tuple[float, ...]:
    """In mm, array axis order."""
    return tuple(float(h) for h in image.GetSpacing()[::-1])


def index_to_physical(image: sitk.Image) -> np.ndarray:
    """Matrix `(ndim, ndim)` from a step in voxels (array axis order) to a step in mm (x first)."""
    n = image.GetDimension()
    matrix: np.ndarray = (np.reshape(image.GetDirection(), (n, n)) * np.asarray(image.GetSpacing()))[:, ::-1]
    return matrix


def voxel_points(image: sitk.Image) -> np.ndarray:
    """Physical position of every voxel `(*spatial, ndim)`, x first."""
    shape = image.GetSize()[::-1]
    index = np.stack(np.meshgrid(*[np.arange(n, dtype=np.float64) for n in shape], indexing="ij"), -1)
    points: np.ndarray = index @ index_to_physical(image).T + np.asarray(image.GetOrigin())
    return points


def centred_origin(image: sitk.Image, other: sitk.Image) -> list[float]:
    """The origin with which `image` has its centre where that of `other` is."""
    a, b = (i.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in i.GetSize()]) for i in (image, other))
    return [float(x) for x in np.array(image.GetOrigin()) + b - a]


def linear_part(transform: sitk.Transform, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    """`A`, `b` of a linear transform `y = A x + b`."""
    b = np.asarray(transform.TransformPoint([0.0] * ndim))
    columns = [np.asarray(transform.TransformPoint(list(e))) - b for e in np.eye(ndim)]
    return np.stack(columns, 1), b


def is_identity(transform: sitk.Transform, ndim: int) -> bool:
    matrix, offset = linear_part(transform, ndim)
    return bool(np.allclose(matrix, np.eye(ndim)) and np.allclose(offset, 0))


def total_displacement(field: np.ndarray, fixed: sitk.Image, initial: sitk.Transform) -> sitk.Image:
    """The vector image of `T(x + u(x)) - x` in LPS mm on the grid of `fixed`: field and initialisation in one.

    `field` `(*spatial, ndim)` in voxels. SimpleITK, ANTs and 3-D Slicer apply the result as it is.
    """
    matrix, offset = linear_part(initial, fixed.GetDimension())
    points = voxel_points(fixed)
    moved = points + field.astype(np.float64) @ index_to_physical(fixed).T
    return image((moved @ matrix.T + offset - points).astype(np.float32), fixed, vector=True)


def displacement_transform(displacement: sitk.Image) -> sitk.DisplacementFieldTransform:
    # the cast makes the copy that the transform takes over
    return sitk.DisplacementFieldTransform(sitk.Cast(displacement, sitk.sitkVectorFloat64))


def resample(
    moving: sitk.Image, grid: sitk.Image, transform: sitk.Transform, nearest: bool = False, fill: float = 0.0
) -> sitk.Image:
    """`moving` pulled onto `grid`; `transform` maps grid to moving points, `fill` stands where it leaves the image."""
    how = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    return sitk.Resample(moving, grid, transform, how, fill, moving.GetPixelID())


def coverage(moving: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> np.ndarray:
    """Where on `grid` `(*spatial,)` the transform leads to a point of `moving`."""
    ones = sitk.Image(moving.GetSize(), sitk.sitkFloat32) + 1
    ones.CopyInformation(moving)
    inside: np.ndarray = array(resample(ones, grid, transform)) > 0.999
    return inside


def minimum(image: sitk.Image) -> float:
    return float(array(image).min())

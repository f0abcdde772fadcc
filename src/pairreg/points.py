"""Points through the displacement of a run: forwards by its definition, backwards by solving for them."""

import numpy as np
import SimpleITK as sitk
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from pairreg import geometry

TOLERANCE = 0.01  # mm, between a point and the image of its counterpart
STARTS = 100_000  # about as many voxels are looked at to begin near a solution
INSIDE = 1e-6  # voxels: on the edge itself rounding may step out, where the transform is the identity
NEAREST = 4  # starts that are tried: in a fold the nearest may lead nowhere


def to_moving(points: np.ndarray, displacement: sitk.Image) -> np.ndarray:
    """Fixed points `(n, ndim)` in LPS mm at their moving positions; NaN outside the grid of `displacement`."""
    transform = geometry.displacement_transform(displacement)
    upper = np.array(displacement.GetSize()) - 0.5
    moved = np.full(points.shape, np.nan)
    for i, point in enumerate(points.tolist()):
        index = np.array(displacement.TransformPhysicalPointToContinuousIndex(point))
        if ((index >= -0.5) & (index < upper)).all():  # beyond it the transform of SimpleITK is the identity
            moved[i] = transform.TransformPoint(point)
    return moved


def to_fixed(points: np.ndarray, displacement: sitk.Image) -> np.ndarray:
    """Moving points `(n, ndim)` in LPS mm at their fixed positions; NaN where none leads to within `TOLERANCE`.

    Least squares in voxels, within the grid, from the voxels that the transform brings nearest to the point.
    """
    transform = geometry.displacement_transform(displacement)
    size = np.array(displacement.GetSize())
    bounds = np.full(size.shape, INSIDE - 0.5), size - 0.5 - INSIDE

    def position(index: np.ndarray) -> tuple[float, ...]:
        return displacement.TransformContinuousIndexToPhysicalPoint(index.tolist())

    def miss(index: np.ndarray, point: np.ndarray) -> np.ndarray:
        return transform.TransformPoint(position(index)) - point

    starts, moved = voxels(displacement)
    fixed = np.full(points.shape, np.nan)
    _, near = cKDTree(moved).query(points, NEAREST)
    for i, point in enumerate(points):
        for start in starts[near[i]]:
            found = least_squares(miss, start, bounds=bounds, args=(point,), xtol=1e-10, ftol=1e-12, gtol=1e-12)
            if np.linalg.norm(found.fun) <= TOLERANCE:
                fixed[i] = position(found.x)
                break
    return fixed


def voxels(displacement: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Indices of evenly spaced voxels, x first, and the moving points they lead to: both `(n, ndim)`."""
    ndim = displacement.GetDimension()
    step = int(np.ceil((displacement.GetNumberOfPixels() / STARTS) ** (1 / ndim)))
    every = tuple(slice(0, n, step) for n in displacement.GetSize()[::-1])
    moved = (geometry.voxel_points(displacement) + geometry.array(displacement))[every]
    indices = np.moveaxis(np.mgrid[every], 0, -1)[..., ::-1]
    return indices.reshape(-1, ndim).astype(float), moved.reshape(-1, ndim)

"""Points through the transform of a run: forwards by its definition, backwards by solving for them."""

import numpy as np
import SimpleITK as sitk
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from pairreg import geometry, whole_transform

TOLERANCE = 0.01  # between a point and the image of its counterpart: mm, or sides of a voxel that has shorter ones
STARTS = 100_000  # about as many voxels are looked at to begin near a solution
NEAREST = 4  # starts that are tried: in a fold the nearest may lead nowhere


def to_moving(points: np.ndarray, transform: sitk.Transform) -> np.ndarray:
    """Fixed points `(n, ndim)` in LPS mm at their moving positions."""
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def tolerance(transform: sitk.Transform) -> float:
    """How far in mm a point may be from the image of its counterpart under `transform`."""
    grid = whole_transform.domain(transform)
    return TOLERANCE if grid is None else TOLERANCE * min(1.0, *grid.GetSpacing())


def to_fixed(points: np.ndarray, transform: sitk.Transform) -> np.ndarray:
    """Moving points `(n, ndim)` in LPS mm at their fixed positions; NaN where none leads to within `tolerance`.

    Least squares from the voxels of the deformation that the transform brings nearest to the point, and from where the
    linear part of the transform alone leads to it.
    """

    def miss(fixed: np.ndarray, point: np.ndarray) -> np.ndarray:
        return transform.TransformPoint(fixed.tolist()) - point

    undeformed = whole_transform.linear_part(transform).GetInverse()
    grid = whole_transform.domain(transform)
    near = np.empty((len(points), 0, points.shape[1])) if grid is None else _nearest(points, _voxels(grid), transform)
    found, near_enough = np.full(points.shape, np.nan), tolerance(transform)
    for i, point in enumerate(points):
        for start in (*near[i], undeformed.TransformPoint(point.tolist())):
            solved = least_squares(miss, start, args=(point,), xtol=1e-10, ftol=1e-12, gtol=1e-12)
            if np.linalg.norm(solved.fun) <= near_enough:
                found[i] = solved.x
                break
    return found


def _nearest(points: np.ndarray, starts: np.ndarray, transform: sitk.Transform) -> np.ndarray:
    """The `NEAREST` of `starts` for each point `(n, NEAREST, ndim)`, by where the transform brings them."""
    _, near = cKDTree(to_moving(starts, transform)).query(points, NEAREST)
    return np.asarray(starts[near])


def _voxels(image: sitk.Image) -> np.ndarray:
    """The positions of evenly spaced voxels `(n, ndim)` in LPS mm."""
    ndim = image.GetDimension()
    step = int(np.ceil((image.GetNumberOfPixels() / STARTS) ** (1 / ndim)))
    return geometry.voxel_points(image)[(slice(None, None, step),) * ndim].reshape(-1, ndim)

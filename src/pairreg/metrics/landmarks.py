"""Errors at corresponding points."""

from collections.abc import Sequence

import numpy as np

from pairreg.arrays import Points


def tre(mapped_points: Points, target_points: Points) -> np.ndarray:
    """Return the target registration error `(n,)`: the distance of each point to its counterpart; 0 is best.

    The points are `(n, ndim)`, in the same order, and the distance is in their unit (mm). The pull field maps *fixed*
    points into the moving image, so `mapped_points` are fixed landmarks carried through the transform and
    `target_points` the moving ones.

    **Raises:** `ValueError` if the shapes differ.

    Source: Fitzpatrick et al., IEEE TMI 17:694 (1998).
    """
    mapped, target = np.asarray(mapped_points, float), np.asarray(target_points, float)
    if mapped.shape != target.shape or mapped.ndim != 2:
        raise ValueError(f"points should be two arrays (n, ndim); they are {mapped.shape} and {target.shape}")
    return np.linalg.norm(mapped - target, axis=1)


def tre_mean(mapped_points: Points, target_points: Points) -> float:
    """Return the mean of `tre` over all points, in their unit (mm).

    Points beyond the fixed image count, too, so that every method is judged over the same points; the initial transform
    carries them. `tre_points` says how many lie inside.
    """
    return float(tre(mapped_points, target_points).mean())


def tre_std(mapped_points: Points, target_points: Points) -> float:
    """Return the standard deviation of `tre` over all points (divided by their number), in their unit (mm)."""
    return float(tre(mapped_points, target_points).std())


def tre_median(mapped_points: Points, target_points: Points) -> float:
    """Return the median of `tre` over all points, in their unit (mm)."""
    return float(np.median(tre(mapped_points, target_points)))


def tre_max(mapped_points: Points, target_points: Points) -> float:
    """Return the largest `tre` of all points, in their unit (mm)."""
    return float(tre(mapped_points, target_points).max())


def tre_snapped(mapped_voxels: Points, target_voxels: Points, voxel_size: Sequence[float]) -> float:
    """Return the mean error of points that are moved to the nearest voxel of the moving image first, in mm; 0 is best.

    `mapped_voxels`, `target_voxels` are `(n, ndim)` in voxels of the moving image, `voxel_size` `(ndim,)` is in mm. As
    the points of DIR-Lab are voxels themselves, its tables are about 0.1 mm lower than `tre_mean`.

    Source: Castillo et al., Phys Med Biol 54:1849 (2009).
    """
    return float(np.linalg.norm((np.round(mapped_voxels) - target_voxels) * voxel_size, axis=1).mean())


def tre_points(inside: np.ndarray) -> float:
    """Return how many landmarks lie inside the fixed image, where a deformation was sought; `inside` is `(n,)`."""
    return float(np.count_nonzero(inside))

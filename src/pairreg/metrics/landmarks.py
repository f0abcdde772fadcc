"""Errors at corresponding points."""

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


def tre_points(inside: np.ndarray) -> float:
    """Return how many landmarks lie inside the fixed image, where a deformation was sought; `inside` is `(n,)`."""
    return float(np.count_nonzero(inside))

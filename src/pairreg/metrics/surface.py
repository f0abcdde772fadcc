"""Distances between the surfaces of labels."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.ndimage import binary_erosion, find_objects
from scipy.spatial import KDTree

from pairreg.arrays import Labels, Mask, Points
from pairreg.metrics.overlap import labels_to_score


def hd95(
    fixed_labels: Labels,
    warped_labels: Labels,
    spacing: Sequence[float],
    labels: Iterable[int] | None = None,
) -> dict[int, float]:
    """Return the robust (95 %) Hausdorff distance between the surfaces of each label in mm: 0 is best.

    It is the larger of the two directed 95th percentiles (as in the Learn2Reg evaluator and DeepMind's
    `surface-distance`, not one percentile over both directions pooled, as in MedPy). A directed distance goes from each
    surface voxel of one region to the nearest surface voxel of the other, between voxel centres. Surface voxels are
    those with a face neighbour outside the region or outside the image; each counts the same (`surface-distance` weighs
    by area).

    **Arguments:** `fixed_labels`, `warped_labels`: integer maps `(*spatial,)`. `spacing`: of their grid, mm, array axis
    order. `labels`: as for `dice`; a label that the warped map lost is NaN.

    **Raises:** `ValueError` if the shapes differ.

    Source: Huttenlocher et al., IEEE TPAMI 15:850 (1993).
    """
    scored = labels_to_score(fixed_labels, warped_labels, labels)
    return {
        label: _hd95_of(surface_points(fixed_labels == label, spacing), surface_points(warped_labels == label, spacing))
        for label in scored
    }


def surface_points(region: Mask, spacing: Sequence[float]) -> Points:
    """Return the centres of the surface voxels of a boolean region, in mm from the first voxel, `(n, ndim)`."""
    boxes = find_objects(region.astype(np.uint8))
    if not boxes or boxes[0] is None:
        return np.empty((0, region.ndim))
    box = region[boxes[0]]  # erode where the region is: outside its box there is nothing of it
    start = [s.start for s in boxes[0]]
    return (np.argwhere(box & ~binary_erosion(box)) + start) * np.asarray(spacing)


def _hd95_of(a: np.ndarray, b: np.ndarray) -> float:
    """Return the robust Hausdorff distance of two sets of surface points in mm; NaN if one is empty.

    A tree of the points needs no distance map of the whole volume.
    """
    if not len(a) or not len(b):
        return float("nan")
    return max(_directed(a, b), _directed(b, a))


def _directed(source: np.ndarray, target: np.ndarray) -> float:
    """Return the 95th percentile of the distances from the points of `source` to the nearest of `target`."""
    distances, _ = KDTree(target).query(source)
    return float(np.percentile(distances, 95))

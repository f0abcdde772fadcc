"""The metrics of the Learn2Reg evaluator that differ from ours, computed as it does.

Source: `evaluation/utils.py` of the challenge (MDL-UzL/L2R), and `surface-distance` of DeepMind, which it uses; of its
task LUMIR, `evaluation.py` in JHU-MedImage-Reg/LUMIR25_L2R25.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product

import numpy as np
from scipy.ndimage import center_of_mass, find_objects, map_coordinates
from scipy.spatial import KDTree

from pairreg.arrays import Field, Labels, Mask, Points
from pairreg.metrics import deformation
from pairreg.metrics.diffeomorphism import volume_at_voxels


def sdlogj_l2r(submitted: Field, measured: Mask | None = None) -> float:
    """Return `pairreg.metrics.sdlogj_l2r` of the displacement `(*spatial, ndim)` that the evaluator gets, in voxels.

    `measured` `(*spatial,)`: where it measures; None for everywhere. The displacement holds the initialisation.
    """
    return deformation.sdlogj_l2r(submitted, measured)


def tre_l2r(submitted: Field, fixed_voxels: Points, target_voxels: Points, voxel_size: Sequence[float]) -> float:
    """Return the mean distance of the fixed points to their counterparts by a displacement in voxels, in mm; 0 is best.

    **Arguments:** `submitted`: `(*spatial, ndim)`, interpolated by cubic splines, and 0 beyond its voxels;
    `fixed_voxels`, `target_voxels`: points `(n, ndim)` in voxels of the fixed and the moving image; `voxel_size`
    `(ndim,)`: of the moving image in mm; all in the order of the array axes.

    At the centres of voxels it is `tre_mean`.
    """
    shift = np.stack([map_coordinates(component, fixed_voxels.T) for component in np.moveaxis(submitted, -1, 0)], -1)
    return float(np.linalg.norm((fixed_voxels + shift - target_voxels) * voxel_size, axis=1).mean())


def tre_lumir(fixed_landmark_map: Labels, warped_landmark_map: Labels, landmark_values: Iterable[int]) -> float:
    """Return the mean distance in voxels between the centres of mass of each landmark's label in two maps; 0 is best.

    LUMIR gives each landmark as the label of some voxels, and warps these by nearest neighbour. Infinite if one was
    lost on the way, where its evaluator has NaN.

    **Arguments:** `fixed_landmark_map`, `warped_landmark_map`: integer maps `(*spatial,)` of the same shape;
    `landmark_values`: the labels that count, which the fixed map has.
    """
    values = list(landmark_values)
    if not np.isin(values, warped_landmark_map).all():
        return float("inf")
    fixed, found = (
        np.array(center_of_mass(labels > 0, labels, values)) for labels in (fixed_landmark_map, warped_landmark_map)
    )
    return float(np.linalg.norm(found - fixed, axis=1).mean())


def ndv_l2r(submitted: Field, measured: Mask) -> float:
    """Return the non-diffeomorphic volume of a displacement in voxels, in percent, as LUMIR has it; 0 is best.

    `measured` `(*spatial,)`: the voxels that count, without the outermost ones; LUMIR takes those of the fixed image
    that are above 0. `pairreg.metrics.ndv_percent` counts by cells, to the border. NaN where no voxel counts.
    """
    inner = np.asarray(measured)[1:-1, 1:-1, 1:-1] > 0
    volume = volume_at_voxels(submitted)[inner]
    return 100 * float(volume.mean(dtype=np.float64)) if volume.size else float("nan")


def warped(moving_labels: Labels, submitted: Field) -> Labels:
    """Return a label map `(*spatial,)` by nearest neighbour through a displacement in voxels; 0 beyond the map."""
    index = np.indices(submitted.shape[:-1]) + np.moveaxis(submitted, -1, 0)
    result: Labels = map_coordinates(moving_labels, index, order=0)
    return result


def hd95_voxel(fixed_labels: Labels, warped_labels: Labels, labels: Iterable[int]) -> float:
    """Return the mean over `labels` of the robust (95 %) Hausdorff distance in voxels; infinite if a label was lost.

    The surface of a region is made of the corners between voxels of which some, but not all, are in it. Each weighs by
    the area of the surface there, which `pairreg.metrics.hd95` does not do.

    **Arguments:** `fixed_labels`, `warped_labels`: integer maps `(*spatial,)`, 3-D, of the same shape.
    """
    return float(np.mean([_hd95_of(_surface(fixed_labels == k), _surface(warped_labels == k)) for k in labels]))


def _surface(region: Mask) -> tuple[Points, np.ndarray]:
    """Return the corners `(n, 3)` at the surface of a boolean region, and the area of the surface at each, `(n,)`."""
    boxes = find_objects(region.astype(np.uint8))
    if not boxes:
        return np.empty((0, 3)), np.empty(0)
    box = np.pad(region[boxes[0]], 1)
    code = np.zeros([n - 1 for n in box.shape], np.uint8)
    for bit, corner in enumerate(product((0, 1), repeat=3)):
        code |= box[tuple(slice(k, n - 1 + k) for k, n in zip(corner, box.shape, strict=True))].astype(np.uint8) << bit
    areas = _areas()[code]
    return np.argwhere(areas > 0) + [one.start for one in boxes[0]], areas[areas > 0]


@cache
def _areas() -> np.ndarray:
    """Return the area `(256,)` of the surface within a cube of eight voxel centres, by the code of those inside.

    It is that around the smaller group, be it inside or outside.
    """
    from skimage.measure import marching_cubes, mesh_surface_area

    areas = np.zeros(256)
    for code in range(1, 255):
        inside = (code >> np.arange(8) & 1).reshape(2, 2, 2)
        smaller = inside if inside.sum() <= 4 else 1 - inside
        vertices, faces, _, _ = marching_cubes(smaller.astype(np.float32), 0.5, method="lorensen")
        areas[code] = mesh_surface_area(vertices, faces)
    return areas


def _hd95_of(a: tuple[Points, np.ndarray], b: tuple[Points, np.ndarray]) -> float:
    if not len(a[0]) or not len(b[0]):
        return float("inf")
    return max(_directed(a, b), _directed(b, a))


def _directed(source: tuple[Points, np.ndarray], target: tuple[Points, np.ndarray]) -> float:
    """Return the distance to the surface `target` below which 95 % of the area of `source` lie."""
    points, areas = source
    distances, _ = KDTree(target[0]).query(points)
    order = np.lexsort((areas, distances))
    part = np.cumsum(areas[order]) / areas.sum()
    return float(distances[order][min(np.searchsorted(part, 0.95), len(part) - 1)])

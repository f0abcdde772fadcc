"""The regularity of a deformation, from the determinants of its derivatives."""

import numpy as np

from pairreg.arrays import Field, Image, Mask
from pairreg.metrics.jacobian import as_field, at_corner, corner_determinants, determinant


def jacobian_determinant(field: Field) -> Image:
    """Return `det(I + ∇u)` by central differences (one-sided at the border), `(*spatial,)`.

    It is the volume that the deformation gives a small piece of the fixed image in the moving one: above 1 the moving
    image is compressed there, below 1 stretched, at or below 0 folded. It is the same in voxels and in mm. Central
    differences miss some folds: count those with `folds_percent`.

    **Arguments:** `field`: `(*spatial, ndim)` in voxels. **Raises:** `ValueError` if it is no field.
    """
    field = as_field(field)
    rows = [np.gradient(field, axis=axis) for axis in range(field.shape[-1])]
    for axis, row in enumerate(rows):
        row[..., axis] += 1
    return determinant(rows)


def folds(field: Field) -> Mask:
    """Return where a voxel is folded: any of its determinants by forward and backward differences is at or below 0.

    Boolean `(*spatial,)`. An interior voxel has `2**ndim` such determinants, a border voxel those that need no voxel
    outside the image.

    **Arguments:** `field`: `(*spatial, ndim)` in voxels. **Raises:** `ValueError` if it is no field.
    """
    folded = np.zeros(np.shape(field)[:-1], bool)
    for corner, values in corner_determinants(field):
        folded[at_corner(corner, folded.shape)] |= values <= 0
    return folded


def folds_percent(field: Field, mask: Mask | None = None) -> float:
    """Return the percentage of folded voxels (see `folds`), of those in `mask` if there is one: 0 is best.

    NaN if the mask has no voxel. Unlike central differences it sees a field that alternates from voxel to voxel.

    **Arguments:** `field`: `(*spatial, ndim)` in voxels; `mask`: `(*spatial,)`, voxels above 0 count. **Raises:**
    `ValueError` if it is no field.

    Source: Liu et al., IJCV (2024), doi 10.1007/s11263-024-02047-1.
    """
    values = inside(folds(field), mask)
    return 100 * float(values.mean()) if values.size else float("nan")


def sdlogj(field: Field, mask: Mask | None = None) -> float:
    """Return the standard deviation of `log det(I + ∇u)`: 0 for rigid and affine fields, small is smooth.

    Central differences over all voxels (or those in `mask`). Determinants at or below 0 have no logarithm: they are
    raised to 1e-9, so each folded voxel weighs heavily (log 1e-9 = -20.7) instead of dropping out.

    **Arguments:** `field`: `(*spatial, ndim)` in voxels; `mask`: `(*spatial,)`, voxels above 0 count. **Raises:**
    `ValueError` if it is no field. NaN if the mask has no voxel.

    Source: Leow et al., IEEE TMI 26:822 (2007), as the smoothness measure.
    """
    return _spread_of_log(inside(jacobian_determinant(field), mask))


def sdlogj_l2r(field: Field, mask: Mask | None = None) -> float:
    """Return SDlogJ as the Learn2Reg evaluator computes it, to compare with its tables: 0 is best.

    It takes the logarithm of `det(I + ∇u) + 3`, without 2 voxels at each border. The 3 makes the value several times
    smaller than `sdlogj`, and folds hardly show.

    **Raises:** `ValueError` if the field has fewer than 5 voxels along an axis.

    Source: Hering et al., IEEE TMI 42:697 (2023), and the challenge's `evaluation/utils.py`.
    """
    determinants = jacobian_determinant(field)
    if min(determinants.shape) < 5:
        raise ValueError(f"field should have at least 5 voxels along each axis; it is {np.shape(field)}")
    crop = (slice(2, -2),) * determinants.ndim
    return _spread_of_log(inside(determinants[crop] + 3, None if mask is None else mask[crop]))


def _spread_of_log(determinants: Image) -> float:
    """Return the standard deviation of the logarithms, clipped to 1e-9 … 1e9; NaN for no values."""
    # float64: a standard deviation over millions of float32 values
    return (
        float(np.log(np.clip(determinants, 1e-9, 1e9), dtype=np.float64).std()) if determinants.size else float("nan")
    )


def inside(values: np.ndarray, mask: Mask | None) -> np.ndarray:
    """Return the values `(n,)` where `mask` is above 0, or all of them, in their shape, without a mask."""
    return values if mask is None else values[np.asarray(mask) > 0]

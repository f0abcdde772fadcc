"""Whether a deformation and its inverse agree."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import map_coordinates

from pairreg.arrays import Field, Image
from pairreg.metrics.jacobian import as_field


def inverse_consistency(field: Field, inverse: Field) -> Image:
    """Return `|u(x) + v(x + u(x))|` in voxels, `(*spatial,)`: the way from a point there and back; 0 is best.

    **Arguments:** `field` u and `inverse` v: `(*spatial, ndim)` in voxels of one grid. v is interpolated linearly, and
    the result is NaN where `x + u(x)` leaves the grid (take `np.nanmean`).

    **Raises:** `ValueError` if the shapes differ or `field` is no field.

    Source: Christensen and Johnson, IEEE TMI 20:568 (2001).
    """
    field = as_field(field)
    distance = inverse_consistency_in_mm(field, inverse, [1.0] * (field.ndim - 1))
    distance[_any_outside(_there(field), field.shape[:-1])] = np.nan
    return distance


def inverse_consistency_in_mm(field: Field, inverse: Field, spacing: Sequence[float]) -> Image:
    """Return `inverse_consistency` in mm and everywhere: v is held constant beyond the grid, whose `spacing` is in mm.

    NIfTI cannot keep NaN, which ITK reads as 0, the best of all values.
    """
    field = as_field(field)
    if field.shape != np.shape(inverse):
        raise ValueError(f"field {field.shape} and inverse {np.shape(inverse)} differ in shape")
    points = _there(field)
    back = [map_coordinates(inverse[..., d], points, order=1, mode="nearest") for d in range(len(spacing))]
    distance: np.ndarray = np.sqrt(sum(((field[..., d] + v) * spacing[d]) ** 2 for d, v in enumerate(back)))
    return distance


def _there(field: Field) -> np.ndarray:
    """Return the points `x + u(x)`, `(ndim, *spatial)` in voxels."""
    spatial = field.shape[:-1]
    there = np.indices(spatial, sparse=True)
    return np.stack([there[d] + field[..., d] for d in range(len(spatial))])


def inverse_consistency_mean(field: Field, inverse: Field) -> float:
    """Return the mean of `inverse_consistency` in voxels, over the voxels that stay in the grid; NaN if none does."""
    distance = inverse_consistency(field, inverse)
    inside = distance[np.isfinite(distance)]
    return float(inside.mean()) if inside.size else np.nan


def _any_outside(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return where a point `(ndim, *spatial)` in voxels leaves a grid of this shape."""
    last = np.reshape(shape, (-1,) + (1,) * len(shape)) - 1
    return np.any((points < 0) | (points > last), axis=0)

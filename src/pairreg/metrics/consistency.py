"""Whether a deformation and its inverse agree."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import map_coordinates

from pairreg.arrays import Field, Image
from pairreg.metrics.jacobian import as_field


def inverse_consistency(field: Field, inverse: Field, spacing: Sequence[float] | None = None) -> Image:
    """Return `|u(x) + v(x + u(x))|`, `(*spatial,)`: how far from a point the way there and back ends; 0 is best.

    **Arguments:** `field` u and `inverse` v: `(*spatial, ndim)` in voxels of one grid. v is interpolated linearly, and
    the result is NaN where `x + u(x)` leaves the grid (take `np.nanmean`). `spacing`: of the grid in mm, array axis
    order, for a result in mm; None: it is in voxels.

    **Raises:** `ValueError` if the shapes differ or `field` is no field.

    Source: Christensen and Johnson, IEEE TMI 20:568 (2001).
    """
    field = as_field(field)
    if field.shape != np.shape(inverse):
        raise ValueError(f"field {field.shape} and inverse {np.shape(inverse)} differ in shape")
    spatial = field.shape[:-1]
    there = np.indices(spatial, sparse=True)
    points = np.stack([there[d] + field[..., d] for d in range(len(spatial))])
    back = [map_coordinates(inverse[..., d], points, order=1, mode="nearest") for d in range(len(spatial))]
    steps = [1.0] * len(spatial) if spacing is None else spacing
    distance = np.sqrt(sum(((field[..., d] + v) * steps[d]) ** 2 for d, v in enumerate(back)))
    distance[_any_outside(points, spatial)] = np.nan
    return distance


def inverse_consistency_mean(field: Field, inverse: Field) -> float:
    """Return the mean of `inverse_consistency` in voxels, over the voxels that stay in the grid; NaN if none does."""
    distance = inverse_consistency(field, inverse)
    inside = distance[np.isfinite(distance)]
    return float(inside.mean()) if inside.size else np.nan


def _any_outside(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return where a point `(ndim, *spatial)` in voxels leaves a grid of this shape."""
    last = np.reshape(shape, (-1,) + (1,) * len(shape)) - 1
    return np.any((points < 0) | (points > last), axis=0)

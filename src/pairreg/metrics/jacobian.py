"""Derivatives of the map `φ(x) = x + u(x)` on the voxel grid, and their determinants.

Everything is in voxels. In mm the Jacobian matrix is `S J S⁻¹` with S the diagonal of the spacings, which has the same
determinant, so no spacing enters here.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from pairreg.arrays import Field, Image

Corner = tuple[int, ...]


def as_field(field: Field) -> Field:
    """Return the field as floats; raises `ValueError`, which says what a field is, for other shapes."""
    field = np.asarray(field)
    if field.ndim not in (3, 4) or field.shape[-1] != field.ndim - 1:
        raise ValueError(f"field should be (rows, columns, 2) or (slices, rows, columns, 3); it is {field.shape}")
    if min(field.shape[:-1]) < 2:
        raise ValueError(f"field should have at least 2 voxels along each axis; it is {field.shape}")
    return field if field.dtype in (np.float32, np.float64) else field.astype(np.float64)


def determinant(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return the determinant of matrices given as `ndim` arrays of rows `(..., ndim)`.

    It is much faster than `np.linalg.det`.
    """
    if len(rows) == 2:
        (a, b), (c, d) = (np.moveaxis(r, -1, 0) for r in rows)
        return a * d - b * c
    a, b, c = (np.moveaxis(r, -1, 0) for r in rows)
    return sum(a[i] * (b[j] * c[k] - b[k] * c[j]) for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)))


def corner_determinants(field: Field) -> Iterator[tuple[Corner, Image]]:
    """Yield the `2**ndim` determinants of forward and backward differences: one per corner of the cells between voxels.

    They come as `(corner, J)`, one at a time to spare memory. J has one value per cell, `(*spatial - 1,)`: at cell c,
    corner k, it is `det(∇φ)` at voxel `c + k` by the differences along the three edges of the cell that meet there,
    forward on axes where k is 0, backward where it is 1. So every combination of forward and backward differences comes
    up once at each interior voxel; voxels at the border have those combinations that stay inside the image.
    """
    field = as_field(field)
    ndim = field.shape[-1]
    edges = [_edge_vectors(field, axis) for axis in range(ndim)]
    for corner in itertools.product((0, 1), repeat=ndim):
        yield corner, determinant([edges[d][at_corner(corner, field.shape, skip=d)] for d in range(ndim)])


def _edge_vectors(field: Field, axis: int) -> Field:
    """Return the difference of φ between neighbours along `axis`."""
    # components first in memory: the determinant reads one component at a time
    edges = np.moveaxis(np.ascontiguousarray(np.moveaxis(np.diff(field, axis=axis), -1, 0)), 0, -1)
    edges[..., axis] += 1
    return edges


def at_corner(corner: Corner, shape: Sequence[int], skip: int | None = None) -> tuple[slice, ...]:
    """Return the index that selects, for every cell, its voxel at `corner`.

    Along axis `skip` there is one value per cell already (edges), so everything is selected.
    """
    return tuple(slice(None) if d == skip else slice(k, shape[d] - 1 + k) for d, k in enumerate(corner))

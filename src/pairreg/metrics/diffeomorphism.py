"""Non-diffeomorphic volume: how much space a deformation turns inside out.

A cell is the square or cube between `2**ndim` neighbouring voxels; φ moves its corners. Cut into simplices on which φ
is affine, it folds where a simplex is turned over. There are two ways to cut it, mirror images:

- 2-D: a square along either diagonal, into 2 triangles. Each of the 4 triangles sits at one corner and has the area
  J/2, J = the determinant of the one-sided differences at that corner.
- 3-D: a cube into 4 tetrahedra at alternate corners (volume J/6 each) and the one in the middle between them, whose
  vertices are the other 4 corners (J*/6, J* = determinant of its edges; 2 for the identity, that is 1/3 of the cube).
  Both ways together: 8 corner and 2 middle tetrahedra.

The volume turned over is the sum of the negative parts, averaged over the two ways: no way is preferred.
"""

import math

import numpy as np

from pairreg.arrays import Field, Image, Mask
from pairreg.metrics.deformation import inside
from pairreg.metrics.jacobian import Corner, as_field, at_corner, corner_determinants, determinant

# Corners of a cube of which no two share an edge: the vertices of the tetrahedron in the middle, for both ways.
_EVEN = ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0))
_ODD = ((1, 1, 1), (0, 0, 1), (0, 1, 0), (1, 0, 0))  # in this order its determinant is positive for the identity


def ndv_percent(field: Field, mask: Mask | None = None) -> float:
    """Return the non-diffeomorphic volume (area in 2-D) in percent of the volume of the grid: 0 (best) without folds.

    A field that mirrors everything has 100, more if it also stretches. A field that flattens everything has 0, but 100
    `folds_percent`. The published code counts by voxels instead, leaving out the outermost: equal up to what lies at
    the border.

    **Arguments:** `field`: `(*spatial, ndim)` in voxels; `mask`, `(*spatial,)`: only the cells with all corners in it
    count, above and below the fraction. NaN for no cells.

    Source: Liu et al., IJCV (2024), doi 10.1007/s11263-024-02047-1.
    """
    values = inside(non_diffeomorphic_volume(field), None if mask is None else _cells_in(mask))
    return 100 * float(values.mean(dtype=np.float64)) if values.size else float("nan")


def non_diffeomorphic_volume(field: Field) -> Image:
    """Return the volume that is turned over in each cell between voxels, `(*spatial - 1,)`; 0 is best.

    It is in voxel volumes; `field` `(*spatial, ndim)` in voxels.
    """
    field = as_field(field)
    ndim = field.shape[-1]
    total = np.zeros([n - 1 for n in field.shape[:-1]], field.dtype)
    for _, values in corner_determinants(field):
        total -= np.minimum(values, 0)
    if ndim == 3:
        for vertices in (_EVEN, _ODD):
            total -= np.minimum(_middle_determinant(field, vertices), 0)
    total /= 2 * math.factorial(ndim)  # 2 ways to cut; a simplex has 1/ndim! of the volume its edges span
    return total


def volume_at_voxels(field: Field) -> Image:
    """Return the volume that is turned over at each voxel but the outermost, `(*spatial - 2,)`, 3-D; 0 is best.

    A simplex counts at the voxel where its determinant is taken; that is how the published code has it.
    """
    field = as_field(field)

    def of_voxels(cells: Image, corner: Corner) -> Image:
        return cells[tuple(slice(1 - c, n - c) for c, n in zip(corner, cells.shape, strict=True))]

    listed = [(corner, values) for corner, values in corner_determinants(field)]
    listed += [(vertices[0], _middle_determinant(field, vertices)) for vertices in (_EVEN, _ODD)]
    total = np.zeros([n - 2 for n in field.shape[:-1]], field.dtype)
    for corner, values in listed:
        total -= np.minimum(of_voxels(values, corner), 0)
    return total / 12


def _middle_determinant(field: Field, vertices: tuple[Corner, ...]) -> Image:
    """Return the determinant of the edges of φ from the first vertex of the tetrahedron to the others, per cell."""
    origin, *others = vertices
    start = field[at_corner(origin, field.shape)]
    return determinant(
        [field[at_corner(v, field.shape)] - start + np.subtract(v, origin, dtype=field.dtype) for v in others]
    )


def _cells_in(mask: Mask) -> Mask:
    """Return which cells have all their corners in the mask."""
    cells = np.asarray(mask) > 0
    for axis in range(cells.ndim):
        low, high = np.delete(cells, -1, axis), np.delete(cells, 0, axis)
        cells = low & high
    return cells

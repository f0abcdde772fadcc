"""Displacements as Learn2Reg exchanges them: voxels of both images, whatever their headers say.

An array `(x, y, z, 3)`, component c along array axis c: the fixed voxel i corresponds to the moving voxel `i + d[i]`,
each counted in its own image. Where the images lie in space is no part of it, so it needs both to be understood.

Source: `evaluation/evaluation.py` of the challenge (MDL-UzL/L2R).
"""

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError


def to_learn2reg(transform: sitk.Transform, fixed: sitk.Image, moving: sitk.Image) -> np.ndarray:
    """Return the displacement array `(x, y, z, 3)`, float32, of a transform from fixed to moving points in LPS mm."""
    grid = (fixed.GetSize(), fixed.GetOrigin(), fixed.GetSpacing(), fixed.GetDirection())
    shift = geometry.array(sitk.TransformToDisplacementField(transform, sitk.sitkVectorFloat64, *grid))
    in_moving = (geometry.voxel_points(fixed) + shift - moving.GetOrigin()) @ _to_voxels(moving)
    return (_by_axis(in_moving) - _indices(fixed)).astype(np.float32)


def from_learn2reg(displacement: np.ndarray, fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    """Return the transform from fixed to moving points in LPS mm of a displacement array `(x, y, z, 3)` in voxels.

    Raises `InputError` if the array is none of the fixed image.
    """
    shape = (*fixed.GetSize(), fixed.GetDimension())
    if displacement.shape != shape:
        raise InputError(f"The displacement has the shape {displacement.shape}, its fixed image asks for {shape}.")
    in_moving = _by_axis(_indices(fixed) + displacement)
    ends = in_moving @ np.linalg.inv(_to_voxels(moving)) + moving.GetOrigin()
    shift = geometry.image(ends - geometry.voxel_points(fixed), fixed, vector=True)
    return geometry.displacement_transform(shift)


def _to_voxels(image: sitk.Image) -> np.ndarray:
    """The matrix `(ndim, ndim)` by which a row of mm, x first, is multiplied to become one of voxels, x first."""
    return np.linalg.inv(geometry.index_to_physical(image)[:, ::-1]).T


def _indices(image: sitk.Image) -> np.ndarray:
    """The number of every voxel, `(x, y, z, ndim)`, x first."""
    return np.stack(np.meshgrid(*map(np.arange, image.GetSize()), indexing="ij"), -1)


def _by_axis(vectors: np.ndarray) -> np.ndarray:
    """Vectors `(z, y, x, ndim)` as `(x, y, z, ndim)`, or back."""
    return np.moveaxis(vectors, range(vectors.ndim - 1), range(vectors.ndim - 2, -1, -1))

"""Displacements of the Learn2Reg challenge: `disp_FFFF_MMMM.nii.gz` or `.npz`, `(X, Y, Z, 3)`, in voxels.

`disp[i] = j - i`, where j is the index in the *moving* image of the point to which the voxel i of the *fixed* image
leads; component c goes along array axis c. The headers of the field do not count, those of the images do.
Source: Hering et al., IEEE Trans Med Imaging 42(3), 2023, and the evaluation code of the challenge.
"""

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.transform_files.fields import displacement, load
from pairreg.transform_files.images import Images, indices, steps

FILE = re.compile(r"disp_\d{4}_(\d{4}|\w+_\d{4}_\w+)\.(nii|nii\.gz|npz)", re.IGNORECASE)


def read(path: Path, images: Images) -> sitk.Transform:
    """The transform of a field on the grid of the fixed image."""
    fixed, moving = (images.need(name, path, "learn2reg") for name in ("fixed", "moving"))
    field = load(path)
    field.check_size(fixed, "fixed")
    index = indices(field.values.shape[:-1]) + field.values
    points = index @ steps(moving).T + np.array(moving.GetOrigin())
    return displacement(points - geometry.voxel_points(fixed), fixed)


def values_of(displacements: np.ndarray, fixed: sitk.Image, moving: sitk.Image) -> np.ndarray:
    """What the challenge asks for, `(X, Y, Z, 3)` float32, of displacements `(*spatial, ndim)` in LPS mm."""
    points = geometry.voxel_points(fixed) + displacements - np.array(moving.GetOrigin())
    values = points @ np.linalg.inv(steps(moving)).T - indices(displacements.shape[:-1])
    ndim = values.shape[-1]
    return np.ascontiguousarray(values.transpose(*range(ndim - 1, -1, -1), ndim), np.float32)

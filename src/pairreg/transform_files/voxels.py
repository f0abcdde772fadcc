"""Displacements in voxels of the fixed image, `(X, Y, Z, 3)`, component c along array axis c, as networks emit them.

Unlike those of Learn2Reg they count in the voxels of one grid: the moving image was resampled to that of the fixed one.
The headers of the field do not count.
"""

from pathlib import Path

import SimpleITK as sitk

from pairreg.transform_files.fields import displacement, load
from pairreg.transform_files.images import Images, steps


def read(path: Path, images: Images) -> sitk.Transform:
    """The transform of a field on the grid of the fixed image."""
    fixed = images.need("fixed", path, "voxels")
    field = load(path)
    field.check_size(fixed, "fixed")
    return displacement(field.values @ steps(fixed).T, fixed)

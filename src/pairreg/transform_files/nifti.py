"""Displacement fields in NIfTI, by the intent in their header.

- 1006 (`NIFTI_INTENT_DISPVECT`): a displacement in the space of NIfTI, RAS mm, as 3-D Slicer writes it. ITK 5.4 reads
  it so, too.
- 1007 (`NIFTI_INTENT_VECTOR`): a displacement in LPS mm, as ITK, ANTs, greedy and elastix write it; but by the name of
  the intent, RAS mm: `NREG_TRANS` (NiftyReg: a deformation or a displacement) and `Mapping` (SPM: a deformation, that
  is the position to which each voxel leads).

Another intent does not say what the numbers are; `ras` is the format of a displacement in RAS mm, whatever its intent.
"""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.reading.format_of import format_of
from pairreg.transform_files import itk, matrices
from pairreg.transform_files.fields import Field, displacement, load
from pairreg.transform_files.images import Images

DISPLACEMENT, VECTOR = 1006, 1007  # codes of intents
NIFTYREG, SPM = "NREG_TRANS", "Mapping"  # names of intents
TO_LPS = (-1.0, -1.0, 1.0)
CANDIDATES = "itk (LPS mm), ras (RAS mm), fsl, voxels or learn2reg"


def read(path: Path, images: Images) -> sitk.Transform:
    """The transform of the field in a NIfTI file, as its intent says; raises `InputError` if that says nothing."""
    if format_of(path) != "nifti":
        raise InputError(f"{path} is no NIfTI file, which alone has intents; give the format itk, or leave it out.")
    field = load(path)
    code, name = int(field.header["intent_code"]), intent_name(field.header)
    if code == DISPLACEMENT or (name == NIFTYREG and field.header["intent_p1"] == 1):
        return _of_ras(field)
    if name == SPM or (name == NIFTYREG and field.header["intent_p1"] == 0):
        return _of_ras(field, positions=True)
    if name == NIFTYREG:
        raise InputError(f"{path} holds splines or velocities of NiftyReg; convert it by reg_transform -disp.")
    if code == VECTOR:
        return itk.read(path, images)
    raise InputError(f"{path} has the intent {code}, which does not say what its numbers are; {name_it()}.")


def read_ras(path: Path, images: Images) -> sitk.Transform:
    """The transform of displacements in RAS mm, or of a matrix from fixed to moving points (greedy, NiftyReg)."""
    if matrices.is_text(path):
        to_lps = np.diag([*TO_LPS, 1.0])
        return matrices.transform(to_lps @ matrices.load(path) @ to_lps)
    return _of_ras(load(path))


def intent_name(header: Any) -> str:
    """The name of the intent in a NIfTI header."""
    return bytes(header["intent_name"].item()).rstrip(b"\0 ").decode(errors="replace")


def name_it() -> str:
    """What to do about a field of which the file does not say what it is."""
    return f"if it is a displacement field, name its format: {CANDIDATES}"


def _of_ras(field: Field, positions: bool = False) -> sitk.Transform:
    grid = field.grid()
    values = field.values * np.array(TO_LPS[: len(field.size)])
    return displacement(values - geometry.voxel_points(grid) if positions else values, grid)

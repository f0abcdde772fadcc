"""Images written so that a file is whole: SimpleITK itself says nothing of a disk that fills up under NIfTI."""

import errno
import shutil
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.files import replacing
from pairreg.foreign_messages import quiet, reason

_LITTLE = 1 << 20  # bytes


def write_image(image: sitk.Image, path: Path) -> None:
    """Write an image in the format that the name of `path` ends in, by rename once it has been read back.

    Raises `OSError` with the file if it cannot be written, or does not hold what it should, and `InputError` if the
    format cannot say where the voxels lie, to `geometry.SAME` voxels.
    """
    with replacing(path) as part:
        try:
            with quiet():
                sitk.WriteImage(image, str(part))
            found = sitk.ReadImage(str(part))
        except RuntimeError as error:
            raise write_failure(path, reason(error)) from error
        if not np.array_equal(geometry.array(found), geometry.array(image), equal_nan=True):
            raise write_failure(path, "the file is not whole")
        _check_kept(image, geometry.matrix_of(found), f"{path} cannot be written: its format", "write .nrrd or .mha")


def check_nifti_grid(image: sitk.Image, path: str | Path) -> None:
    """Raise `InputError` if NIfTI, whose numbers are float32, cannot say where the voxels of `image` in `path` lie."""
    matrix = geometry.matrix_of(image).astype(np.float32).astype(float)
    _check_kept(image, matrix, f"{path} lies too far out: NIfTI, in which results are written,", "move its origin to 0")


def _check_kept(image: sitk.Image, kept: np.ndarray, where: str, advice: str) -> None:
    """Raise `InputError` if the matrix `kept` moves the voxels of `image`."""
    apart = geometry.discrepancy(geometry.matrix_of(image), kept, image.GetSize())
    if apart > geometry.SAME:
        raise InputError(f"{where} would move its voxels by {apart:.2g} of their size; {advice}.")


def write_failure(path: Path, said: str) -> OSError:
    """What went wrong when `path` was written: SimpleITK does not tell a full disk from other causes."""
    full = shutil.disk_usage(path.parent).free < _LITTLE
    return OSError(errno.ENOSPC if full else errno.EIO, "no space left on device" if full else said, str(path))

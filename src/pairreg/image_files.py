"""Images written so that a file is whole: SimpleITK itself says nothing of a disk that fills up under NIfTI."""

import errno
import shutil
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.files import replacing
from pairreg.foreign_messages import quiet, reason

_LITTLE = 1 << 20  # bytes


def write_image(image: sitk.Image, path: Path) -> None:
    """Write an image in the format that the name of `path` ends in, by rename once it has been read back.

    Raises `OSError` with the file if it cannot be written, or does not hold what it should.
    """
    with replacing(path) as part:
        try:
            with quiet():
                sitk.WriteImage(image, str(part))
            same = np.array_equal(geometry.array(sitk.ReadImage(str(part))), geometry.array(image), equal_nan=True)
        except RuntimeError as error:
            raise write_failure(path, reason(error)) from error
        if not same:
            raise write_failure(path, "the file is not whole")


def write_failure(path: Path, said: str) -> OSError:
    """What went wrong when `path` was written: SimpleITK does not tell a full disk from other causes."""
    full = shutil.disk_usage(path.parent).free < _LITTLE
    return OSError(errno.ENOSPC if full else errno.EIO, "no space left on device" if full else said, str(path))

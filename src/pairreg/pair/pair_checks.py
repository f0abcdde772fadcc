"""What the parts of a pair have to be, whether a reader or a user's own code has made them.

Each message begins with `where`, such as `pair 'mine': fixed_labels`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg.arrays import Points
from pairreg.errors import InputError
from pairreg.reading.label_map import whole_numbers
from pairreg.reading.notes import ImageFile


def check_image(image: Any, ndim: int | None, where: str, is_field: bool = False) -> int:
    """Return the dimension of an image of one component, or of a vector image with `is_field`.

    Raises `InputError` for anything else, and for another dimension than `ndim`; None: 2 or 3.
    """
    if not isinstance(image, sitk.Image):
        raise InputError(f"{where} is of the type {type(image).__name__}; give an image of SimpleITK.")
    found, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if found not in ((2, 3) if ndim is None else (ndim,)):
        wanted = "2-D or 3-D images" if ndim is None else f"images of one dimension, as fixed is {ndim}-D"
        raise InputError(f"{where} is {found}-D; give {wanted}.")
    if components != (found if is_field else 1):
        raise InputError(f"{where} has {components} numbers per voxel; give {found if is_field else 'one'}.")
    return found


def checked_labels(labels: sitk.Image, where: str) -> sitk.Image:
    """Return a label map of an integer type; raises `InputError` if its labels are not whole numbers."""
    found = whole_numbers(ImageFile(Path(where), labels))
    found.announce()
    return found.image


def checked_points(points: Any, ndim: int, where: str) -> Points:
    """Return points `(n, ndim)` as an array; raises `InputError` for what is none of finite numbers, or empty."""
    try:
        found = np.asarray(points, float)
    except (TypeError, ValueError):
        raise InputError(f"{where} is {type(points).__name__} without numbers; give points (n, {ndim}).") from None
    if found.ndim != 2 or found.shape[1] != ndim or not len(found):
        raise InputError(f"{where} has the shape {found.shape}; give points (n, {ndim}), or none.")
    if not np.isfinite(found).all():
        raise InputError(f"{where} has NaN or infinite coordinates; leave such points out on both sides.")
    return found


def check_correspondence(fixed: Points | None, moving: Points | None, where: str) -> None:
    """Raise `InputError` unless there are as many points on both sides, or none on either."""
    counts = [0 if points is None else len(points) for points in (fixed, moving)]
    if counts[0] != counts[1]:
        raise InputError(f"{where} has {counts[0]} fixed and {counts[1]} moving landmarks; give corresponding points.")

"""Label maps: whole numbers, however a file stores them."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.reading.notes import ImageFile

ROUNDED = 1e-3  # labels this near to a whole number are meant to be it
EXACT = 2.0**53  # beyond, float64 leaves out whole numbers
SAMPLE = 500_000  # pairs of neighbours


def whole_numbers(file: ImageFile) -> ImageFile:
    """`file` with labels of an integer type: int32, int64 where they need it, or the type they have.

    Labels within 0.001 of a whole number are rounded, which is a repair; raises `InputError` for others, and for NaN.
    """
    if "float" not in file.image.GetPixelIDTypeAsString():
        return file
    voxels = geometry.array(file.image)
    rounded = np.round(voxels)
    with np.errstate(invalid="ignore"):
        off = np.abs(voxels.astype(np.float64) - rounded)
    if not off.max() <= ROUNDED:  # also for NaN, which is what infinity less infinity is
        worst = voxels[np.unravel_index(np.argmax(off), off.shape)]
        raise InputError(f"{file.path} holds the label {worst:.7g}; give a label map of whole numbers.")
    if np.abs(rounded).max() > EXACT:
        raise InputError(f"{file.path} holds the label {np.abs(rounded).max():.7g}; give numbers below 2^53.")
    kind = np.int32 if np.abs(rounded).max() <= np.iinfo(np.int32).max else np.int64
    whole = replace(file, image=geometry.image(rounded.astype(kind), file.image))
    if not off.any():
        return whole
    said = f"{file.path} has labels up to {off.max():.2g} beside whole numbers: rounded."
    return replace(whole, repairs=(*file.repairs, said))


def looks_like_labels(image: sitk.Image) -> bool:
    """Whether an image of an integer type, nowhere negative, has mostly equal neighbours, its commonest value apart."""
    if "float" in image.GetPixelIDTypeAsString():
        return False
    rows = geometry.array(image)
    rows = rows.reshape(-1, rows.shape[-1])
    rows = rows[:: max(1, rows.size // SAMPLE)]
    values, counts = np.unique(rows, return_counts=True)
    if values[0] < 0:
        return False
    common = values[np.argmax(counts)]
    first, second = rows[:, :-1], rows[:, 1:]
    objects = (first != common) & (second != common)
    return bool((first == second)[objects].mean() > 0.5) if objects.any() else True

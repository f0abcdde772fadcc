"""One image from a file or a DICOM folder, in 2-D or 3-D: the one way in for every format."""

from dataclasses import replace
from pathlib import Path

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.foreign_messages import quiet
from pairreg.reading import dicom, metaimage, nifti, nrrd, pictures
from pairreg.reading.colour import grey
from pairreg.reading.format_of import format_of
from pairreg.reading.grid import checked_grid
from pairreg.reading.notes import ImageFile, Notes
from pairreg.reading.slices import as_plane


def read(path: str | Path, series: str | None = None, labels: bool = False) -> ImageFile:
    """The scalar image in `path`, in its own pixel type, with what was repaired; a volume with one slice becomes 2-D.

    8-bit colour becomes luminance (float32), or with `labels` what stands for them. `series` is the UID of one of
    several series in a DICOM folder. Raises `InputError` for a file that is missing, not whole, contradicts itself, has
    several components per voxel or is not 2-D or 3-D.
    """
    found = read_vectors(path, series, labels)
    image = grey(found.image, found.path, labels)
    padding = None if found.padding is None else spatial(found.padding, found.path)
    return replace(found, image=spatial(image, found.path), padding=padding)


def read_vectors(path: str | Path, series: str | None = None, labels: bool = False) -> ImageFile:
    """The image in `path` as it is there, also of several components per voxel, such as a displacement."""
    path = existing(path)
    family = format_of(path)
    if series is not None and family != "dicom":
        raise InputError(f"{path} holds no DICOM series, but the series {series} is asked for; leave that out.")
    with quiet():
        if family == "dicom":
            found = dicom.read(path, series)
        elif family == "picture":
            found = pictures.read(path, labels)
        else:
            found = {"nifti": nifti.read, "nrrd": nrrd.read, "metaimage": metaimage.read}[family](path)
    notes = Notes(found.path, list(found.repairs), list(found.warnings), found.unit, found.sized)
    return notes.of(checked_grid(found.image, notes), found.padding)


def spatial(image: sitk.Image, path: Path) -> sitk.Image:
    """`image` without axes of length 1, if 2 or 3 are left."""
    while image.GetDimension() > 3 and image.GetSize()[-1] == 1:
        image = image[(slice(None),) * (image.GetDimension() - 1) + (0,)]
    if image.GetDimension() == 3 and 1 in image.GetSize():
        image = as_plane(image)
    if image.GetDimension() not in (2, 3) or 1 in image.GetSize():
        size = "×".join(map(str, image.GetSize()))
        raise InputError(f"{path} has the size {size}; give one 2-D or 3-D image, such as one time point.")
    return image

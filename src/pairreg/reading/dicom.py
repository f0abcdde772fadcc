"""DICOM: a folder with a series, or one file. pydicom looks at every file, ITK decodes the pixels.

What is not compared here is not known: GDCM alone takes a tilted gantry, two orientations, missing slices and the
rescaling of the first slice for all of them without a word.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.foreign_messages import reason
from pairreg.reading import dicom_frames
from pairreg.reading.dicom_files import Slice, look, slices_in
from pairreg.reading.dicom_stack import note_pixel_size, place, sorted_stack
from pairreg.reading.notes import ImageFile, Notes


def read(path: Path, series: str | None = None) -> ImageFile:
    """The series in a folder (the one with the UID `series`, of several), or the image in a file.

    Slices are in the order of their positions, rescaled each by its own slope. Raises `InputError` for slices that do
    not form one straight stack, or cannot be read.
    """
    notes = Notes(path)
    slices = chosen(slices_in(path), path, series) if path.is_dir() else [only(path)]
    for one in slices:
        one.check()
    units = {one.unit for one in slices}
    notes.unit = units.pop() if len(units) == 1 else ""
    if any(one.framed for one in slices):
        if len(slices) > 1 and any(one.frames > 1 for one in slices):
            raise InputError(f"{path} has {len(slices)} files with several frames each; give one of the files.")
        return dicom_frames.read(slices, notes)
    slices = sorted_stack(slices, path) if len(slices) > 1 else slices
    image = place(decoded(slices, path), slices)
    note_pixel_size(image, slices[0], notes)
    return notes.of(image, padding(slices, image, notes))


def only(path: Path) -> Slice:
    found = look(path)
    if found is None:
        raise InputError(f"{path} is DICOM without an image, such as a DICOMDIR; give an image or the series' folder.")
    return found


def chosen(slices: Sequence[Slice], folder: Path, series: str | None) -> list[Slice]:
    """The slices of the series that is asked for, or of the only one."""
    found: dict[str, list[Slice]] = {}
    for one in slices:
        found.setdefault(one.series, []).append(one)
    if not found:
        raise InputError(f"{folder} is a folder without a DICOM series; give an image file or the folder of a series.")
    if series in found:
        return found[series]
    if series is None and len(found) == 1:
        return next(iter(found.values()))
    listed = "; ".join(described(uid, members) for uid, members in found.items())
    if series is not None:
        raise InputError(f"{folder} has no DICOM series {series}; it has {listed}.")
    raise InputError(
        f"{folder} holds {len(found)} DICOM series ({listed}); choose one by its UID, such as pair.fixed_series=UID."
    )


def described(uid: str, members: Sequence[Slice]) -> str:
    first = members[0]
    files = "1 file" if len(members) == 1 else f"{len(members)} files"
    return f"{uid}: {first.description or 'no description'}, {files} of {first.columns}×{first.rows}"


def decoded(slices: Sequence[Slice], path: Path) -> sitk.Image:
    """The pixels of a stack by ITK, float64 if any slice has a rescaling that is not whole."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(one.path) for one in slices])
    if len({one.rescaling for one in slices}) > 1 or any(x != int(x) for one in slices for x in one.rescaling):
        reader.SetOutputPixelType(sitk.sitkFloat64)  # ITK takes the type of the first slice for all
    try:
        image: sitk.Image = reader.Execute()
    except RuntimeError as error:
        raise InputError(f"{path} cannot be decoded ({reason(error)}); write it again, uncompressed.") from error
    if all(one.inverted is None for one in slices):
        return image
    values = planes(image, slices)
    stored = np.stack([one.as_stored(plane) for one, plane in zip(slices, values, strict=True)])
    return geometry.image(stored.reshape(image.GetSize()[::-1]), image)


def planes(image: sitk.Image, slices: Sequence[Slice]) -> np.ndarray:
    """The pixels of each of the `slices` in `image`, `(slices, rows, columns)`."""
    return sitk.GetArrayFromImage(image).reshape(len(slices), *image.GetSize()[1::-1])


def padding(slices: Sequence[Slice], image: sitk.Image, notes: Notes) -> sitk.Image | None:
    """Where the pixels have the value that the file calls padding."""
    if image.GetNumberOfComponentsPerPixel() > 1 or all(one.padding is None for one in slices):
        return None
    found = np.stack([one.is_padding(plane) for one, plane in zip(slices, planes(image, slices), strict=True)])
    if not found.any():
        return None
    notes.repair(f"has {found.mean():.2%} of its voxels at the PixelPaddingValue: left out, as nothing was measured.")
    return geometry.image(found.reshape(image.GetSize()[::-1]).astype(np.uint8), image)

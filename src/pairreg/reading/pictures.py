"""PNG, JPEG and TIFF: grey, colour, palettes, transparency, 16 bits, several pages, resolution."""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.reading.colour import luminance
from pairreg.reading.itk_formats import itk_image
from pairreg.reading.notes import ImageFile, Notes, refusing_damage

READERS = {"PNG": "PNGImageIO", "JPEG": "JPEGImageIO", "TIFF": "TIFFImageIO", "MPO": "JPEGImageIO"}
NO_GREY = ("CMYK", "LAB", "YCbCr", "HSV")  # ways to store colours that ITK would take for others
TURNED = 0x0112  # tag: which corner the first pixel lies in
UPRIGHT = 1


def read(path: Path, labels: bool = False) -> ImageFile:
    """The picture in `path`, its pixels in mm where it has a resolution; with `labels` a palette gives its indices.

    Raises `InputError` for a picture that is cut off, whose pages differ, or that cannot hold labels (JPEG).
    """
    from PIL import Image

    notes = Notes(path)
    with refusing_damage(path), Image.open(path) as picture:
        check_picture(picture, labels, notes)
        values, kind = pillow_values(picture, labels), str(picture.format)
    if values is None:
        return notes.of(scalar(itk_image(path, READERS[kind]), labels))
    # ITK knows no spacing of a PNG
    grid = sitk.Image(values.shape[1::-1], sitk.sitkUInt8) if kind == "PNG" else itk_image(path, READERS[kind])
    return notes.of(with_values(values, grid))


def pillow_values(picture: Any, labels: bool) -> np.ndarray | None:
    """The pixels of what ITK misreads or refuses: palettes and grey with transparency; None for others."""
    if picture.mode == "P":
        return np.array(picture if labels else picture.convert("RGB"))
    if picture.mode == "LA":
        return np.array(picture)[..., 0]
    return None


def check_picture(picture: Any, labels: bool, notes: Notes) -> None:
    """Look at every page; what Pillow cannot decode raises its own errors."""
    path = notes.path
    if picture.mode in NO_GREY:
        raise InputError(f"{path} has colours as {picture.mode}; save it in grey or RGB.")
    if any("LA;16" in str(tile) for tile in picture.tile):
        raise InputError(f"{path} is grey with transparency in 16 bits; save it without transparency.")
    if labels and picture.format == "JPEG":
        raise InputError(f"{path} is a JPEG, whose compression changes label numbers; give a PNG or another format.")
    pages = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    found = set()
    for page in range(pages):
        picture.seek(page)
        picture.load()
        found.add(picture.size)
    if len(found) > 1:
        listed = ", ".join(f"{width}×{height}" for width, height in sorted(found))
        raise InputError(f"{path} has pages of the sizes {listed}; give one picture, or pages of one size.")
    if pages > 1:
        notes.warn(f"has {pages} pages: they are taken as slices that are 1 mm apart, as it does not say.")
    turned = picture.getexif().get(TURNED, UPRIGHT)
    if turned != UPRIGHT:
        notes.warn(f"says that it is to be turned or mirrored (orientation {turned}): its pixels stay as they are.")


def with_values(values: np.ndarray, grid: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(values, isVector=values.ndim > 2)
    image.CopyInformation(grid)
    return image


def scalar(image: sitk.Image, labels: bool) -> sitk.Image:
    """16-bit colour as luminance, for intensities; other images as they are."""
    return luminance(image) if image.GetPixelID() == sitk.sitkVectorUInt16 and not labels else image

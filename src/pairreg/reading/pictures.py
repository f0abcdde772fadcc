"""PNG, JPEG and TIFF: grey, colour, palettes, transparency, 16 bits, several pages, resolution."""

import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.reading.colour import luminance
from pairreg.reading.contents import AGAIN
from pairreg.reading.itk_formats import itk_image
from pairreg.reading.notes import ImageFile, Notes, refusing_damage

READERS = {"PNG": "PNGImageIO", "JPEG": "JPEGImageIO", "TIFF": "TIFFImageIO", "MPO": "JPEGImageIO"}
NO_GREY = ("CMYK", "LAB", "YCbCr", "HSV")  # ways to store colours that ITK would take for others
GREY, COLOURS = ("1", "L", "I;16", "I;16B", "I", "F"), ("RGB", "RGBA")
# tags of TIFF
BITS, SHOWN, TURNED, ACROSS, DOWN, UNIT, KIND = 0x0102, 0x0106, 0x0112, 0x011A, 0x011B, 0x0128, 0x0153
UPRIGHT = 1
TRANSPOSED = (5, 6, 7, 8)  # orientations whose rows are stored as columns
INCH, CENTIMETRE = 2, 3  # units of a resolution
WHITE_IS_0 = 0


def read(path: Path, labels: bool = False) -> ImageFile:
    """The picture in `path`, its pixels in mm where it has a resolution; with `labels` a palette gives its indices.

    Raises `InputError` for a picture that is cut off, whose pages differ, or that cannot hold labels (JPEG).
    """
    notes = Notes(path)
    # Given the path, Pillow maps a TIFF into the memory, and takes rows for columns if it is turned.
    with refusing_damage(path), path.open("rb") as file, opened(file, path) as picture:
        check_picture(picture, labels, path)
        kind, size = str(picture.format), pixel_size(picture)
        note_orientation(picture.getexif().get(TURNED, UPRIGHT), kind, notes)
        pages = pages_of(picture, labels, path)
    if len(pages) > 1:
        notes.warn(f"has {len(pages)} pages: they are taken as slices that are 1 mm apart, as it does not say.")
    image = by_itk(path, kind, labels) if pages[0] is None else image_of([page for page in pages if page is not None])
    if size is not None:
        image.SetSpacing((*size, 1.0)[: image.GetDimension()])
    notes.sized = image.GetSpacing()[:2] != (1, 1)
    return notes.of(image)


def opened(file: BinaryIO, path: Path) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(file)
    except UnidentifiedImageError as error:
        kinds = "numbers of more than 32 bits or of 16-bit floats"
        raise InputError(f"{path} is damaged or has {kinds}; {AGAIN}, or save it as 32-bit floats.") from error


def pixel_size(picture: Any) -> tuple[float, float] | None:
    """The width and the height of a pixel in mm by the resolution of a PNG or TIFF; None without one, and for JPEG.

    ITK does not look at that of a PNG, and refuses some TIFF files. Rows of a TIFF are those after it is made upright.
    """
    dpi = tuple(float(number) for number in picture.info.get("dpi", ()))
    said, tiff = picture.format == "PNG", picture.format == "TIFF"
    if tiff:
        said = picture.tag_v2.get(UNIT) in (INCH, CENTIMETRE) and {ACROSS, DOWN} <= set(picture.tag_v2)
    if not said or len(dpi) != 2 or not all(0 < number < math.inf for number in dpi):
        return None
    across, down = (25.4 / number for number in dpi)
    return (down, across) if tiff and picture.getexif().get(TURNED) in TRANSPOSED else (across, down)


def check_picture(picture: Any, labels: bool, path: Path) -> None:
    """Raise `InputError` for a picture of a kind whose pixels would be taken for others."""
    if picture.mode in NO_GREY:
        raise InputError(f"{path} has colours as {picture.mode}; save it in grey or RGB.")
    if any("LA;16" in str(tile) for tile in picture.tile):
        raise InputError(f"{path} is grey with transparency in 16 bits; save it without transparency.")
    if labels and picture.format == "JPEG":
        raise InputError(f"{path} is a JPEG, whose compression changes label numbers; give a PNG or another format.")


def pages_of(picture: Any, labels: bool, path: Path) -> list[np.ndarray | None]:
    """The pixels of every page, None where ITK reads them well; what Pillow cannot decode raises its own errors."""
    pages, sizes, modes = [], set(), set()
    for number in range(getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1):
        picture.seek(number)
        values = tiff_values(picture, labels) if picture.format == "TIFF" else other_values(picture, labels)
        pages.append(values)
        sizes.add(picture.size)
        modes.add(f"{picture.mode}{' of 16 bits' if values is None else ''}")
    if len(sizes) > 1:
        listed = ", ".join(f"{width}×{height}" for width, height in sorted(sizes))
        raise InputError(f"{path} has pages of the sizes {listed}; give one picture, or pages of one size.")
    if len(modes) > 1:
        raise InputError(f"{path} has pages of the kinds {', '.join(sorted(modes))}; give pages of one kind.")
    return pages


def tiff_values(picture: Any, labels: bool) -> np.ndarray | None:
    """The pixels of a page, grey as it is stored; None for colours of 16 bits, of which Pillow leaves 8.

    In a TIFF of tiles, of planes or of another orientation, ITK leaves the high byte of 16 bits, and darkens colours
    that are transparent.
    """
    decoder, (raw, *_) = picture.tile[0][0], picture.tile[0][3]  # loading removes them
    bits, kind = picture.tag_v2.get(BITS, (1,))[0], picture.tag_v2.get(KIND, (1,))[0]
    if picture.mode in COLOURS and bits <= 8:
        return np.array(picture)
    if picture.mode not in GREY:
        return other_values(picture, labels)
    values = grey_values(picture)
    if bits == 8 and picture.tag_v2.get(SHOWN, WHITE_IS_0) == WHITE_IS_0:
        values = ~values  # Pillow inverts them, other readers keep the numbers
    values = values.astype(f"{'uif'[kind - 1]}{-(-bits // 8)}")  # Pillow has no type for some
    # libtiff has put the bytes into the order of this machine, and Pillow takes these for that of the file
    return values.byteswap() if decoder == "libtiff" and raw in ("I;16BS", "I;32BS", "F;32BF") else values


def other_values(picture: Any, labels: bool) -> np.ndarray | None:
    """The pixels of what ITK misreads or refuses: palettes and grey with transparency; None for others."""
    picture.load()
    if picture.mode in ("P", "PA") and not labels:
        return np.array(picture.convert("RGB"))
    if picture.mode == "P":
        return np.array(picture)
    if picture.mode in ("LA", "PA"):
        return np.array(picture)[..., 0]
    if picture.mode in GREY and "transparency" in picture.info:
        return grey_values(picture)
    return None


def grey_values(picture: Any) -> np.ndarray:
    """The pixels as Pillow has them, 0 or 255 where they are single bits."""
    return np.array(picture.convert("L") if picture.mode == "1" else picture)


def note_orientation(turned: int, kind: str, notes: Notes) -> None:
    """Say what becomes of a picture that is stored turned: Pillow makes a TIFF upright."""
    if turned != UPRIGHT and kind == "TIFF":
        notes.repair(f"is stored turned or mirrored (orientation {turned}): made upright.")
    elif turned != UPRIGHT:
        notes.warn(f"says that it is to be turned or mirrored (orientation {turned}): its pixels stay as they are.")


def by_itk(path: Path, kind: str, labels: bool) -> sitk.Image:
    """The picture as ITK reads it, 16-bit colour as luminance; raises `InputError` for colours that it would cut."""
    image = itk_image(path, READERS[kind])
    if kind == "TIFF" and image.GetNumberOfComponentsPerPixel() > 2 and image.GetPixelID() == sitk.sitkVectorUInt8:
        raise InputError(f"{path} has colours of 16 bits in tiles, planes or turned; save it in strips, or in 8 bits.")
    return luminance(image) if image.GetPixelID() == sitk.sitkVectorUInt16 and not labels else image


def image_of(pages: list[np.ndarray]) -> sitk.Image:
    """One page `(rows, columns[, colours])` as a plane, several as a volume."""
    values = np.stack(pages) if len(pages) > 1 else pages[0]
    return sitk.GetImageFromArray(values, isVector=pages[0].ndim > 2)

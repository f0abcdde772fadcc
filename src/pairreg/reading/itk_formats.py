"""Formats that ITK reads well if the file is sound: what is looked at before it does."""

import bz2
import math
import re
from collections.abc import Sequence
from pathlib import Path

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.foreign_messages import reason
from pairreg.reading.contents import AGAIN, check_length, inflated, raw_bytes
from pairreg.reading.notes import Notes
from pairreg.validation import shown

MILLIMETRES = {"um": 0.001, "µm": 0.001, "μm": 0.001, "micron": 0.001, "microns": 0.001, "cm": 10.0, "m": 1000.0}
WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)  # Python refuses thousands of digits, and no file has as many voxels


def itk_image(path: Path, reader: str) -> sitk.Image:
    """The image that ITK's `reader` (such as `MetaImageIO`) finds in `path`."""
    try:
        return sitk.ReadImage(str(path), imageIO=reader)
    except RuntimeError as error:
        raise InputError(f"{path} cannot be read as an image ({reason(error)}); write it again.") from error


def in_millimetres(image: sitk.Image, unit: str, notes: Notes) -> sitk.Image:
    """`image`, whose header gives lengths in `unit`, in mm: ITK takes the numbers as mm whatever their unit."""
    scale = MILLIMETRES.get(unit, 1.0)
    if scale != 1:
        image.SetSpacing([h * scale for h in image.GetSpacing()])
        image.SetOrigin([x * scale for x in image.GetOrigin()])
        notes.warn(f"gives its lengths in {unit}, which counts here; ITK and ANTs take the numbers as mm.")
    return image


def finite(text: str, key: str, count: int, path: Path, positive: bool = False) -> None:
    """Raise `InputError` unless the field `key` holds `count` finite (`positive`) numbers."""
    try:
        found = [float(word) for word in text.split()]
    except ValueError:
        raise InputError(f"{path} has {text!r} as its {key}; give {count} numbers.") from None
    if len(found) != count or not all(map(math.isfinite, found)) or (positive and any(x <= 0 for x in found)):
        kind = "positive" if positive else "finite"
        raise InputError(f"{path} has {text!r} as its {key}; give {count} {kind} numbers.")


def whole(text: str, key: str, least: int, path: Path) -> int:
    """The whole number that the field `key` holds; raises `InputError` for what is none, or is below `least`."""
    if not WHOLE.fullmatch(text) or int(text) < least:
        raise InputError(f"{path} has {shown(text)} as its {key}; give a whole number from {least} on.")
    return int(text)


def sizes(text: str, key: str, path: Path) -> list[int]:
    """The numbers of voxels along each axis that the field `key` holds."""
    words = text.split()
    if not words or not all(WHOLE.fullmatch(word) and int(word) > 0 for word in words):
        raise InputError(f"{path} has {shown(text)} as its {key}; give the numbers of its voxels.")
    return [int(word) for word in words]


def check_detached(files: Sequence[Path], path: Path, skipped: int, needed: int, encoding: str) -> None:
    """Raise `InputError` unless the data files of the header `path` are there with all their bytes."""
    for file in files:
        if not file.is_file():
            raise InputError(f"{path} names the data file {file.name}, which is not there; put it beside the header.")
        check_data(raw_bytes(file), file, skipped, needed // len(files), encoding)


def check_data(raw: bytes, path: Path, start: int, needed: int, encoding: str) -> None:
    """Raise `InputError` unless `needed` bytes of voxels (`text`: numbers) follow in `raw` from `start` on."""
    if encoding == "raw":
        check_length(path, len(raw), start + needed)
    elif encoding == "text":
        check_numbers(path, len(raw[start:].split()), needed)
    elif encoding == "gzip":
        check_unpacked(path, len(inflated(raw[start:], path)), needed)
    elif encoding == "bzip2":
        check_unpacked(path, len(_bunzipped(raw[start:], path)), needed)


def check_numbers(path: Path, there: int, needed: int) -> None:
    if there < needed:
        raise InputError(f"{path} is cut off ({there} of {needed} numbers); {AGAIN}.")


def check_unpacked(path: Path, there: int, needed: int) -> None:
    if there < needed:
        raise InputError(f"{path} is cut off ({there} of {needed} bytes after unpacking); {AGAIN}.")


def _bunzipped(raw: bytes, path: Path) -> bytes:
    try:
        return bz2.BZ2Decompressor().decompress(raw)
    except OSError as error:
        raise InputError(f"{path} is damaged ({error}); {AGAIN}.") from error

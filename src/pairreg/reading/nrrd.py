"""NRRD (`.nrrd`, `.nhdr` with its data beside it): the header against the data, then ITK's reader."""

import math
import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.geometry import matrix_of
from pairreg.reading.contents import raw_bytes
from pairreg.reading.detached import named_files
from pairreg.reading.grid import check_matrix, check_place
from pairreg.reading.itk_formats import (
    MILLIMETRES,
    check_data,
    check_detached,
    finite,
    in_millimetres,
    itk_image,
    sizes,
    whole,
)
from pairreg.reading.notes import ImageFile, Notes

ENCODINGS = {"gz": "gzip", "bz2": "bzip2", "txt": "text", "ascii": "text"}
# what makes LPS of the coordinates of a space
SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
}
SPACES |= {"".join(word[0] for word in name.split("-")): signs for name, signs in SPACES.items()}
IN_SPACE = ("domain", "space", "none", "???")  # kinds of axes; others count components


def read(path: Path) -> ImageFile:
    """The image in `path`; raises `InputError` for data that are missing or cut off, and numbers that cannot be."""
    notes, raw = Notes(path), raw_bytes(path)
    head = re.match(rb"(?s)(.*?)(\r?\n\r?\n|\Z)", raw)
    assert head is not None, "it matches any bytes"
    fields = fields_of(head[1].decode(errors="replace"))
    size = sizes(fields.get("sizes", ""), "sizes", path)
    check_header(fields, len(size), path)
    check_voxels(path, raw, head.end(), fields, math.prod(size))
    unit = unit_of(fields, path)
    image = in_millimetres(itk_image(path, "NrrdImageIO"), unit, notes)
    check_space(fields, image, MILLIMETRES.get(unit, 1.0), notes)
    return notes.of(image)


def fields_of(text: str) -> dict[str, str]:
    """The fields of a header by their names in small letters without spaces; those with `:=` are remarks."""
    lines = [line for line in text.splitlines()[1:] if not line.startswith("#") and ":=" not in line]
    pairs = (line.partition(":") for line in lines)
    return {key.strip().lower().replace(" ", ""): value.strip() for key, _, value in pairs}


def check_header(fields: dict[str, str], axes: int, path: Path) -> None:
    vectors = re.findall(r"\(([^)]*)\)", f"{fields.get('spacedirections', '')} {fields.get('spaceorigin', '')}")
    for vector in vectors:
        finite(vector.replace(",", " "), "space directions or origin", vector.count(",") + 1, path)
    kinds = fields.get("kinds", "").split() or ["domain"] * axes
    spacings = zip(fields.get("spacings", "").split(), kinds, strict=False)
    known = [h for h, kind in spacings if kind.lower() in IN_SPACE]
    finite(" ".join(known), "spacings", len(known), path, positive=True)


def check_space(fields: dict[str, str], image: sitk.Image, unit: float, notes: Notes) -> None:
    """Warn of a space that is not the patient's; raise `InputError` if ITK has put `image` elsewhere than the header.

    `unit`: mm in the unit of the header.
    """
    axes = re.findall(r"\(([^)]*)\)", fields.get("spacedirections", ""))
    if image.GetDimension() != 3 or len(axes) != 3:
        return  # a plane lies in x and y of whatever space
    origin = fields.get("spaceorigin", "").strip("()") or "0,0,0"
    matrix = np.eye(4)
    matrix[:3] = np.array([column.split(",") for column in (*axes, origin)], float).T * unit
    space = fields.get("space", "").lower()
    if space not in SPACES:
        said = f"its space is {space}" if space else "it names no space"
        notes.warn(
            f"does not say where the patient is ({said}): its axes are taken to go left, back and up, as in ITK."
        )
    matrix[:3] *= np.array(SPACES.get(space, SPACES["lps"]))[:, None]
    check_matrix(matrix, "space directions", notes.path)
    check_place(matrix, matrix_of(image), image.GetSize(), notes.path, "write it again in left-posterior-superior")


def check_voxels(path: Path, raw: bytes, start: int, fields: dict[str, str], count: int) -> None:
    encoding = fields.get("encoding", "raw").lower()
    encoding = ENCODINGS.get(encoding, encoding)
    needed = count if encoding == "text" else count * width(fields.get("type", ""), path)
    # -1: the voxels are the end of the file
    skipped = max(whole(fields.get("byteskip", "0"), "byte skip", -1, path), 0)
    if "datafile" in fields:
        return check_detached(named_files(path), path, skipped, needed, encoding)
    check_data(raw, path, start, needed, encoding)
    return None


def width(kind: str, path: Path) -> int:
    """Bytes of a voxel of the type `kind`."""
    text = kind.lower()
    bits = re.search(r"(8|16|32|64)(_t)?$", text)
    if bits:
        return int(bits[1]) // 8
    for words, size in ((("char",), 1), (("short",), 2), (("long long", "double"), 8), (("int", "float", "long"), 4)):
        if any(word in text for word in words):
            return size
    raise InputError(f"{path} has the type {kind!r}; give a type of number, such as short or float.")


def unit_of(fields: dict[str, str], path: Path) -> str:
    """The unit of all axes in space, empty if there is none; raises `InputError` for axes in units that differ."""
    units = units_of(fields)
    if len({MILLIMETRES.get(unit, 1.0) for unit in units}) > 1:
        several = " and ".join(dict.fromkeys(unit or "no unit" for unit in units))
        raise InputError(f"{path} gives its lengths in {several}; give one unit for all axes.")
    return units[0] if units else ""


def units_of(fields: dict[str, str]) -> list[str]:
    """The unit of each axis in space: of the space, or of the axes one by one if there is none."""
    of_space, of_axes = (re.findall(r'"([^"]*)"', fields.get(key, "")) for key in ("spaceunits", "units"))
    kinds = fields.get("kinds", "").split() or ["domain"] * len(of_axes)
    return of_space or [unit for unit, kind in zip(of_axes, kinds, strict=False) if kind.lower() in IN_SPACE]

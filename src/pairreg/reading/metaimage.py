"""MetaImage (`.mha`, `.mhd` with its data beside it): the header against the data, then ITK's reader."""

import math
import re
from pathlib import Path

from pairreg.errors import InputError
from pairreg.reading.contents import check_length, raw_bytes
from pairreg.reading.detached import named_files
from pairreg.reading.itk_formats import check_data, check_detached, finite, in_millimetres, itk_image, sizes, whole
from pairreg.reading.notes import ImageFile, Notes

BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_LONG": 4,
    "MET_ULONG": 4, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4, "MET_DOUBLE": 8,
}  # fmt: skip
VECTORS, MATRICES = ("Offset", "Position", "Origin"), ("TransformMatrix", "Rotation", "Orientation")


def read(path: Path) -> ImageFile:
    """The image in `path`; raises `InputError` for data that are missing or cut off, and numbers that cannot be."""
    raw = raw_bytes(path)
    head = re.match(rb"(?s)(.*?^[ \t]*ElementDataFile[ \t]*=[^\n]*\n?)", raw, re.MULTILINE)
    if head is None:
        raise InputError(f"{path} has no ElementDataFile in its header; copy or download it again.")
    fields = fields_of(head[1].decode(errors="replace"))
    size = check_header(fields, path)
    width = BYTES.get(fields.get("ElementType", ""))
    if width is None:
        raise InputError(f"{path} has the ElementType {fields.get('ElementType')}; give one of {', '.join(BYTES)}.")
    channels = whole(fields.get("ElementNumberOfChannels", "1"), "ElementNumberOfChannels", 1, path)
    check_voxels(path, raw, len(head[1]), fields, math.prod(size) * channels, width)
    notes = Notes(path)
    return notes.of(in_millimetres(itk_image(path, "MetaImageIO"), fields.get("DistanceUnits", ""), notes))


def fields_of(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def check_header(fields: dict[str, str], path: Path) -> list[int]:
    """The number of voxels along each axis."""
    size = sizes(fields.get("DimSize", ""), "DimSize", path)
    n = len(size)
    spacing = "ElementSpacing" if "ElementSpacing" in fields else "ElementSize"
    if spacing in fields:
        finite(fields[spacing], spacing, n, path, positive=True)
    for keys, count in ((VECTORS, n), (MATRICES, n * n)):
        for key in keys:
            if key in fields:
                finite(fields[key], key, count, path)
    return size


def yes(text: str) -> bool:
    """Whether the value of a field is true, as ITK understands it."""
    return text[:1] in ("T", "t", "1")


def check_voxels(path: Path, raw: bytes, start: int, fields: dict[str, str], count: int, width: int) -> None:
    skipped = whole(fields.get("HeaderSize", "0"), "HeaderSize", -1, path)
    compressed, text = yes(fields.get("CompressedData", "False")), not yes(fields.get("BinaryData", "True"))
    encoding = "gzip" if compressed else "text" if text else "raw"
    needed = count if text else count * width
    if fields["ElementDataFile"].upper() != "LOCAL":
        # -1: the voxels are the end of the file
        return check_detached(named_files(path), path, max(skipped, 0), needed, encoding)
    if compressed and "CompressedDataSize" not in fields:  # ITK would inflate the header
        raise InputError(
            f"{path} has compressed voxels but no CompressedDataSize; write it again, such as by SimpleITK."
        )
    if compressed:
        check_length(path, len(raw), start + whole(fields["CompressedDataSize"], "CompressedDataSize", 0, path))
    check_data(raw, path, start, needed, encoding)
    return None

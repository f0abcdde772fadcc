"""Which family of formats a file belongs to, by its bytes: names lie."""

import re
import struct
from pathlib import Path
from typing import Literal

from pairreg.errors import InputError
from pairreg.reading.contents import AGAIN, GZIP, inflated, raw_bytes

Family = Literal["nifti", "dicom", "nrrd", "metaimage", "picture"]
FORMATS = "NIfTI, NRRD, MHA/MHD, TIFF, PNG, JPEG, a DICOM file, or a folder with a DICOM series"
HEAD = 4096  # bytes that are looked at
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BARE_DICOM = (b"\x08\0\0\0", b"\x08\0\x05\0", b"\x08\0\x08\0", b"\x08\0\x16\0", b"\x02\0\0\0")  # without the preamble
FREESURFER = (".mgz", ".mgh", ".mgh.gz")
HDF5 = b"\x89HDF"
# What is no image, and what to do about it.
OTHERS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the file itself; fetch that by git lfs pull",
    b"/annex/objects/": "is a git-annex pointer, not the file itself; fetch that by git annex get",
    b"PK\x03\x04": "is a zip archive; unpack it",
    b"BZh": "is compressed by bzip2; unpack it",
    b"\xfd7zXZ": "is compressed by xz; unpack it",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd; unpack it",
    b"7z\xbc\xaf": "is a 7z archive; unpack it",
    HDF5: "is an HDF5 file; give a case of it by pair=hdf5, or an image file",
    b"%PDF": "is a PDF document; give an image file",
}


def format_of(path: Path) -> Family:
    """The family of the file `path`, or of a folder; raises `InputError`, saying what it is instead, if it has none."""
    if path.is_dir():
        return "dicom"
    head = raw_bytes(path, HEAD)
    if not head:
        raise InputError(f"{path} is empty (0 bytes); {AGAIN}.")
    packed = head.startswith(GZIP)
    found = family(inflated(head, path, HEAD) if packed else head)
    if found == "nifti" or (found and not packed):
        return found
    if path.name.lower().endswith((".img", ".img.gz")):
        return "nifti"  # its voxels have no mark; the header beside it does
    if path.name.lower().endswith(FREESURFER):  # its first bytes are a mere 1
        raise InputError(f"{path} is a volume of FreeSurfer; convert it to NIfTI by mri_convert.")
    raise InputError(f"{path} {other(head) or unknown(head)}.")


def family(head: bytes) -> Family | None:
    if head[:4] in [struct.pack(order, size) for order in ("<i", ">i") for size in (348, 540)]:
        return "nifti"
    if head.startswith(b"NRRD000"):
        return "nrrd"
    if head.startswith(PICTURES):
        return "picture"
    if head[128:132] == b"DICM" or head.startswith(BARE_DICOM):
        return "dicom"
    if re.match(rb"\s*\w+\s*=", head) and re.search(rb"(?mi)^\s*(NDims|DimSize)\s*=", head):
        return "metaimage"
    return None


def other(head: bytes) -> str | None:
    """What a file is that is no image."""
    start = head.lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start[:1000]:
        return "is a web page (HTML) that was saved under this name; download the file itself"
    if head.startswith(GZIP):
        return "is gzip, but no NIfTI file in it; unpack it"
    return next((text for mark, text in OTHERS.items() if head.startswith(mark)), None)


def unknown(head: bytes) -> str:
    start = head[:16]
    shown = repr(start.decode("ascii")) if start.isascii() and start.decode().isprintable() else f"bytes {start.hex()}"
    return f"cannot be read as an image (it begins with {shown}); use {FORMATS}"

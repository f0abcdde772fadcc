"""The files that belong to an image in several files: MetaImage and NRRD with data beside the header, NIfTI in two."""

import re
from pathlib import Path

from pairreg.reading.contents import raw_bytes
from pairreg.reading.format_of import family

LONGEST = 1 << 20  # bytes of a header with the names of its files
PARTS = {".hdr": ".img", ".img": ".hdr"}  # NIfTI and Analyze in two files


def data_files(path: Path) -> list[Path]:
    """The existing files beside `path` that belong to its image; empty for an image in one file."""
    other = partner(path)
    found = [other] if other is not None else named_files(path)
    return [file for file in found if file.is_file()]


def content_files(path: Path) -> list[Path]:
    """The files whose content an image has: those of a DICOM folder, or the file `path` with those beside it."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    return [path, *data_files(path)]


def partner(path: Path) -> Path | None:
    """The other half of a `.hdr` or `.img`, gzip or not and in any case of letters; None for other names."""
    name = path.name.removesuffix(".gz").removesuffix(".GZ")
    stem, suffix = name[: name.rfind(".")], Path(name).suffix
    if suffix.lower() not in PARTS:
        return None
    wanted = f"{stem}{PARTS[suffix.lower()]}"
    near = [f for f in path.parent.iterdir() if f.name.lower() in (wanted.lower(), f"{wanted.lower()}.gz")]
    # Names that differ by case only are two images.
    return min(near, key=lambda file: (not file.name.startswith(stem), file.name), default=path.with_name(wanted))


def named_files(header: Path) -> list[Path]:
    """The files that the header of a MetaImage or NRRD names, which may be missing; empty for other files."""
    head = raw_bytes(header, LONGEST)
    kind = family(head)
    if kind == "metaimage":
        return _named(header, head, r"^[ \t]*ElementDataFile[ \t]*=(.*)$")
    if kind == "nrrd":
        return _named(header, re.split(rb"\r?\n\r?\n", head)[0], r"^data ?file:(.*)$")
    return []


def _named(header: Path, head: bytes, field: str) -> list[Path]:
    """The files that a field of a text header names: one, a list on the lines after it, or a pattern with a range."""
    text = head.decode(errors="replace")
    found = re.search(field, text, re.IGNORECASE | re.MULTILINE)
    if found is None or found[1].strip().upper() == "LOCAL":
        return []
    value = found[1].strip()
    if value.upper().startswith("LIST"):
        names = [line.strip() for line in text[found.end() :].splitlines() if line.strip()]
    elif "%" in value:
        try:
            pattern, first, last, *step = value.split()
            names = [pattern % number for number in range(int(first), int(last) + 1, int(step[0]) if step else 1)]
        except (ValueError, TypeError, OverflowError):  # no pattern that ITK could read either: its reader says so
            return []
    else:
        names = [value]
    return [header.parent / name for name in names]

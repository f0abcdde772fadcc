"""The data files of image headers that keep their voxels in files beside them: MetaImage, NRRD, Analyze and NIfTI."""

import re
from pathlib import Path

PAIRED = {".hdr": ".img", ".img": ".hdr"}  # NIfTI and Analyze in two files


def data_files(header: Path) -> list[Path]:
    """The existing files beside `header` that belong to its image; empty for an image in one file."""
    name = header.name.removesuffix(".gz")
    suffix = Path(name).suffix.lower()
    if suffix in PAIRED:
        other = Path(name).stem + PAIRED[suffix]
        return [file for file in (header.with_name(other), header.with_name(f"{other}.gz")) if file.is_file()]
    if suffix == ".mhd":
        return _named(header, r"ElementDataFile\s*=\s*(.*)")
    if suffix == ".nhdr":
        return _named(header, r"data ?file:\s*(.*)")
    return []


def _named(header: Path, field: str) -> list[Path]:
    """The files that a field of a text header names: one, a list on the lines after it, or a pattern with a range."""
    text = header.read_text(errors="replace")
    found = re.search(field, text, re.IGNORECASE)
    if found is None:
        return []
    value = found[1].strip()
    if value.upper().startswith("LIST"):
        names = [line.strip() for line in text[found.end() :].splitlines() if line.strip()]
    elif "%" in value:
        try:
            pattern, first, last, *step = value.split()
            names = [pattern % number for number in range(int(first), int(last) + 1, int(step[0]) if step else 1)]
        except (ValueError, TypeError):  # no pattern that ITK could read either: its reader says so
            return []
    else:
        names = [value]
    files = [header.parent / name for name in names]
    return [file for file in files if file.is_file()]

"""The format of a landmark file is told from its content, not from its name."""

from pathlib import Path

from pairreg.errors import InputError
from pairreg.pair.landmark_files.base import PointFile
from pairreg.pair.landmark_files.elastix import KINDS, read_elastix
from pairreg.pair.landmark_files.json_lists import read_json
from pairreg.pair.landmark_files.table import read_table
from pairreg.pair.landmark_files.text import decoded

TRANSFORMIX = "InputIndex"  # in every line of what transformix writes


def read_bytes(path: Path) -> bytes:
    """The content of a landmark file; raises `InputError` if it is a folder or cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a file of landmarks.") from error


def parsed(path: Path, image: str, ndim: int) -> PointFile:
    """The points of `image` (fixed or moving) in `path`, as they stand there."""
    where = str(path)
    text, _ = decoded(read_bytes(path), where)
    first = text.strip().partition("\n")[0].strip()
    if first[:1] in ("{", "[") or path.suffix.lower() == ".json":
        return read_json(text, where, image)
    if first.lower() in KINDS:
        return read_elastix(text, where)
    if TRANSFORMIX in first:
        raise InputError(f"{where} is an output of transformix, with several points a line; give its input points.")
    return read_table(text, where, ndim)

"""Files that are whole or absent, whenever a command ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pairreg.errors import InputError


def target(path: str | Path) -> Path:
    """`path` as a file that can be written; raises `InputError` otherwise. Ask before the work, not after it."""
    path = Path(path).expanduser()
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file to write.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written: {path.parent} is no folder that you may write to.")
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` at the end, or is gone if anything went wrong."""
    part = path.with_name(f".{os.getpid()}.{path.name}")  # the ending stays: it chooses the format
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)

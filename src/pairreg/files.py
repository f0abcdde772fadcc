"""Files that are whole or absent, whenever a command ends; and the folder for caches between commands."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pairreg.errors import InputError


def target(path: str | Path) -> Path:
    """Return `path` as a file that can be written; raises `InputError` otherwise. Call it before the work."""
    path = Path(path).expanduser()
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file to write.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written: {path.parent} is no folder that you may write to.")
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file beside `path` to write to; at the end it takes the place of `path`.

    If anything goes wrong it is deleted, and `path` stays as it was.
    """
    part = path.with_name(f".{os.getpid()}.{path.name}")  # the ending stays: it chooses the format
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def existing(path: str | Path) -> Path:
    """Return `path` as a file or folder that is there; raises `InputError` otherwise."""
    path = Path(path).expanduser()
    if not path.exists():
        raise InputError(f"{path} does not exist; give the path of an existing file.")
    return path


def cache_home() -> Path:
    """Return the folder for what can be made again at any time; it may not exist yet, or not be writable."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pairreg"


def drop_oldest(folder: Path, most: int) -> None:
    """Delete the older files of `folder` if there are more than `most`, so that half as many are left."""
    files = sorted(folder.iterdir(), key=_last_written)
    for file in files[: -most // 2] if len(files) > most else []:
        file.unlink(missing_ok=True)


def _last_written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # another process drops the oldest at the same time
        return -math.inf

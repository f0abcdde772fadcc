"""Files that are whole or absent, whenever a command ends."""

import ctypes
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pairreg.errors import InputError

LONGEST = 255  # bytes of a file name
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux' renameat2
_HERE = -100  # AT_FDCWD: paths are relative to the working folder
_PART = re.compile(r"\.\d+\..+")  # names of files that `replacing` writes to
ENDING = 40  # characters of its name that a file keeps while it is written


def expanded(path: str | Path) -> Path:
    """`path` with the home folder in place of `~`; raises `InputError` if there is none of that name."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"{path} begins with the home folder of nobody; give the path without '~'.") from None


def folder_to_be(path: str | Path, written: bool = False) -> Path:
    """`path` as a folder that is there or can be made; raises `InputError` otherwise. Makes nothing.

    `written`: whether one that is there has to be writable.
    """
    path = expanded(path)
    try:
        above = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    except OSError as error:
        raise InputError(
            f"{path} cannot be a folder ({error.strerror}); give a shorter path, or another one."
        ) from None
    if not above.is_dir() or ((written or above != path.absolute()) and not os.access(above, os.W_OK | os.X_OK)):
        raise InputError(f"{path} cannot be written: {above} is no folder that you may write to; give another one.")
    return path


def target(path: str | Path) -> Path:
    """Return `path` as a file that can be written; raises `InputError` otherwise. Call it before the work."""
    path = expanded(path)
    if len(os.fsencode(path.name)) > LONGEST:
        raise InputError(f"{path} has a file name of more than {LONGEST} bytes; give a shorter one.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file to write.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written: {path.parent} is no folder that you may write to.")
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file beside `path` to write to; at the end it takes the place of `path`.

    If anything goes wrong it is deleted, and `path` stays as it was. An `OSError` names `path`.
    """
    part = path.with_name(f".{os.getpid()}.{path.name[-ENDING:]}")  # the ending stays: it chooses the format
    try:
        with naming(path):
            yield part
            _to_disk(part)
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def drop_parts(folder: Path) -> None:
    """Delete what `replacing` has left half-written in a folder and those below because its process was killed.

    No process may be writing there.
    """
    for part in folder.rglob(".*"):
        if _PART.fullmatch(part.name) and part.is_file():
            part.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an `OSError` of the block name `path`: that of a disk which is full names no file."""
    try:
        yield
    except OSError as error:
        if error.errno is None or (error.filename is not None and Path(error.filename).parent != path.parent):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _to_disk(path: Path) -> None:
    """Wait until a file is on the disk, where some file systems only then say that it does not fit."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_there(text: str | Path) -> bool:
    """Return whether `text` is the path of something; False for what can be none, such as a setting of 300 letters."""
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError):
        return False


def named_file(value: object) -> Path | None:
    """Return the whole path of the file that a setting for another program names; None if it means something else.

    A word without a folder and an ending, such as `mattes`, names none, whatever lies in the working folder.
    """
    if not isinstance(value, str) or (Path(value).name == value and not Path(value).suffix):
        return None
    whole = Path(os.path.abspath(os.path.expanduser(value)))
    return whole if os.path.isfile(whole) else None


def existing(path: str | Path) -> Path:
    """Return `path` as a file or folder that is there; raises `InputError` otherwise."""
    path = expanded(path)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} does not exist; give the path of an existing file.") from None
    except (OSError, ValueError) as error:  # too long, in a closed folder, a loop of links, a byte of 0
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path} cannot be read ({reason}); give the path of an existing file.") from None
    return path


def state_of(files: Iterable[Path]) -> list[list[int]]:
    """Return what changes as soon as one of the files is written to or replaced: sizes, times, inodes and devices."""
    stats = [file.stat() for file in files]
    return [[s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_dev] for s in stats]


def drop_oldest(folder: Path, most: int) -> None:
    """Delete the older files of `folder` if there are more than `most`, so that half as many are left."""
    files = sorted(folder.iterdir(), key=last_written)
    for file in files[: -most // 2] if len(files) > most else []:
        file.unlink(missing_ok=True)


def last_written(file: Path) -> float:
    """Return when a file was last written, in seconds since the epoch; minus infinity if it does not exist (any more).

    To ask first whether it exists is not enough where other processes write and delete.
    """
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return -math.inf


def replace_folder(place: Path, folder: Path) -> None:
    """Put the folder `place` where `folder` is, which is deleted, if it is there: by one rename where that is possible.

    Elsewhere two renames do it; for a process that is killed between them, `folder` is at `set_aside(folder)`.
    """
    if not folder.exists():
        place.rename(folder)
        return
    if not exchanged(place, folder):
        old = set_aside(folder)
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        place.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(place, ignore_errors=True)


def link(source: Path, target: Path) -> None:
    """Give a file, or all files of a folder, a second name, or copy what cannot have one."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, copy_function=_link_file, dirs_exist_ok=True)
    else:
        _link_file(str(source), str(target))


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def set_aside(folder: Path) -> Path:
    """Return where `replace_folder` puts the old folder between two renames."""
    return folder.with_name(f".{folder.name}.old")


def all_set_aside(parent: Path) -> list[Path]:
    """Return the folders in `parent` for which there is something at `set_aside`."""
    return [old.with_name(old.name[1:].removesuffix(".old")) for old in parent.glob(".*.old")]


def exchanged(first: Path, second: Path) -> bool:
    """Exchange the names of two folders at once; False where the system or the file system has no such call."""
    call = getattr(ctypes.CDLL(None), "renameat2", None)
    if call is None:
        return False
    done: int = call(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE)
    return done == 0

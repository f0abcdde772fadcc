"""Folders of one's own, for caches and locks: nobody else may write there, or lead us elsewhere by a link."""

import os
import stat
import tempfile
from pathlib import Path

from pairreg.errors import InputError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def private(folder: Path) -> Path:
    """Make `folder` with mode 0700 if it is missing, and return it.

    Raises `PermissionError` if it is a link, belongs to somebody else, or can be written by others; `OSError` if it
    cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise PermissionError(None, "it is a link", str(folder))
    if found.st_uid != os.getuid():
        raise PermissionError(None, f"it belongs to user {found.st_uid}", str(folder))
    if found.st_mode & _OTHERS_WRITE:
        raise PermissionError(None, f"others may write to it, mode {stat.S_IMODE(found.st_mode):o}", str(folder))
    return folder


def cache_home() -> Path:
    """Return the folder for what can be made again at any time; it may not exist yet, or not be writable."""
    given = os.environ.get("XDG_CACHE_HOME")
    if given and Path(given).is_absolute():  # the XDG specification has relative ones ignored
        return Path(given) / "pairreg"
    try:
        return Path.home() / ".cache" / "pairreg"
    except RuntimeError:  # no HOME, and a user whom the system does not know, as in many containers
        return _of_user(Path(tempfile.gettempdir()))


def lock_folder() -> Path:
    """Return a folder for locks that all processes of this user on this machine share.

    Raises `InputError` if there is none.
    """
    reasons = []
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    for folder in ([Path(runtime) / "pairreg"] if runtime else []) + [_of_user(Path(tempfile.gettempdir()))]:
        try:
            return private(folder)
        except OSError as error:
            reasons.append(f"{folder}: {error.strerror}")
    raise InputError(f"There is no folder for locks ({'; '.join(reasons)}); set XDG_RUNTIME_DIR to one of your own.")


def give_home() -> None:
    """Set `HOME` if the system knows no home, as in many containers: libraries fail then, or make a folder `~`.

    Raises `InputError` if there is no folder for it.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(lock_folder())


def _of_user(folder: Path) -> Path:
    return folder / f"pairreg-{os.getuid()}"

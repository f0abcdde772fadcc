"""Locks between processes: one at a time in a run folder, at a database, or at a trial of a search.

The kernel releases a lock when its process ends, however that ends: no heartbeat can be late and no process id can be
mistaken for another. Threads of one process exclude each other, too. On NFS, Linux asks the server for a lock of the
whole file, so it holds between machines if (and only if) the server's lock service runs.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class Busy(Exception):
    """Raised when another process holds the lock."""


@contextmanager
def lock(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path` during the block; raises `Busy` if somebody else does and `wait` is False."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Busy from None
        yield


@contextmanager
def passing_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path` during the block, once nobody else does, and delete it afterwards."""
    while True:
        with _opened(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):  # else its holder has deleted it, and others lock the next one
                try:
                    yield
                finally:
                    path.unlink()
                return


def is_held(path: Path) -> bool:
    """Return whether a living process, this one included, holds the lock file `path`."""
    if not path.exists():
        return False
    try:
        with lock(path):
            return False
    except Busy:
        return True


def _opened(path: Path) -> BinaryIO:
    # neither emptied nor reached by a link: in a folder that others may write to, the name could be one to their file
    return open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666), "rb+")


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Return whether `path` is the name of an open file still."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    except FileNotFoundError:
        return False

"""One process at a time in a run folder, or at a database."""

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path


class Busy(Exception):
    """Another process holds the lock."""


@contextmanager
def lock(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path`; raises `Busy` if another process does and `wait` is False.

    The system releases it when its process ends, however that ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Busy from None
        yield


def lock_run(run_folder: Path, wait: bool = False) -> AbstractContextManager[None]:
    return lock(lock_path(run_folder), wait)


def is_locked(run_folder: Path) -> bool:
    if not lock_path(run_folder).exists():
        return False
    try:
        with lock_run(run_folder):
            return False
    except Busy:
        return True


def lock_path(run_folder: Path) -> Path:
    """Beside the run folders, so that the lock of a run that never began leaves no folder."""
    return run_folder.parent / ".locks" / run_folder.name

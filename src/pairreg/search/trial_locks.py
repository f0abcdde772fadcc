"""Locks that say which trials a living process works on."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from pairreg.locks import is_held, lock


class TrialLocks:
    """A lock file for each trial of a search, in `folder`, and one for the search as a whole."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._own: dict[int, ExitStack] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process changes the search, and keep the others out meanwhile."""
        with lock(self.folder / "search", wait=True):
            yield

    def claim(self, trial: int) -> None:
        """Hold the lock of `trial` until `release`, `close` or the end of this process."""
        self._own[trial] = ExitStack()
        self._own[trial].enter_context(self._lock(trial))

    def release(self, trial: int) -> None:
        """Give up the lock of `trial`."""
        self._own.pop(trial).close()

    def is_claimed(self, trial: int) -> bool:
        """Return whether a living process, perhaps this one, works on `trial`."""
        return is_held(self._path(trial))

    def close(self) -> None:
        """Give up all locks: what is still running counts as abandoned from now on."""
        for trial in list(self._own):
            self.release(trial)

    def _lock(self, trial: int) -> AbstractContextManager[None]:
        return lock(self._path(trial), wait=True)

    def _path(self, trial: int) -> Path:
        return self.folder / str(trial)

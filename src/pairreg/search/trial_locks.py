"""Which trials a living process works on."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MUTEX = 0  # first byte; the others stand for the trials


class Claims:
    """Locks on single bytes of one file, one byte for each trial.

    The kernel drops the locks of a process when it ends, by SIGKILL as well: no heartbeat can be late, no process id
    can be mistaken for another. Record locks (POSIX) and not flock, because they work on NFS between machines and are
    not inherited by a forked worker that outlives its parent. They do not exclude threads of one process.
    """

    def __init__(self, path: Path):
        self.file = path.open("ab")
        self.own: set[int] = set()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process is inside."""
        self.lock(fcntl.LOCK_EX, MUTEX)
        try:
            yield
        finally:
            self.lock(fcntl.LOCK_UN, MUTEX)

    def claim(self, trial: int) -> None:
        self.lock(fcntl.LOCK_EX, MUTEX + 1 + trial)
        self.own.add(trial)

    def release(self, trial: int) -> None:
        self.lock(fcntl.LOCK_UN, MUTEX + 1 + trial)
        self.own.remove(trial)

    def claimed(self, trial: int) -> bool:
        """By a living process, this one included."""
        if trial in self.own:
            return True
        try:
            self.lock(fcntl.LOCK_EX | fcntl.LOCK_NB, MUTEX + 1 + trial)
        except (BlockingIOError, PermissionError):  # POSIX leaves open which of the two
            return True
        self.lock(fcntl.LOCK_UN, MUTEX + 1 + trial)
        return False

    def lock(self, how: int, byte: int) -> None:
        fcntl.lockf(self.file, how, 1, byte)

    def close(self) -> None:
        self.file.close()

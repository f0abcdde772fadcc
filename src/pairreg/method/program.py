"""Programs that register images: how they are called, and what they took."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, final

from pairreg.backend.memory import highest_mb
from pairreg.errors import InputError, MethodError
from pairreg.method import guard

_POLL = 0.02  # seconds
_LOOK = 3  # turns of polling from one look at all processes of the machine to the next


@dataclass(frozen=True)
class Ran:
    """What a program took that has ended well.

    **Attributes:** `seconds`: until its end; `peak_memory_mb`: the most that its processes, those that it started
    included, took together. Of those that are there at a time, each counts with the highest memory that it has had by
    then; memory that several share counts for each of them.
    """

    seconds: float
    peak_memory_mb: float


@final
class Scratch:
    """The `folder` for the files of one registration, in which programs run."""

    def __init__(self, folder: Path, sessions: IO[bytes]):
        self.folder = folder
        self._sessions = sessions  # told to the guard

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> Ran:
        """Run a program in the folder to its end; it gets no input, and no terminal.

        An interruption ends it with all that it has started, and so does the end of this process.

        Raises `InputError` if it cannot be started, `MethodError` with the last line that it printed if it fails.
        """
        printed = self.folder / "printed.txt"
        began = time.perf_counter()
        with printed.open("wb") as out:
            try:
                process = subprocess.Popen(
                    list(command),
                    cwd=self.folder,
                    env=os.environ | environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # by which all that it starts can be found
                )
            except OSError as error:
                said = f"method: {command[0]} cannot be started ({error.strerror})"
                raise InputError(f"{said}; give its path.") from error
            try:
                self._sessions.write(b"%d\n" % process.pid)
                peak = _peak_until_end(process)
            except BaseException:
                guard.end(process.pid)
                process.wait()
                raise
        if process.returncode:
            raise MethodError(f"{command[0]} ended with {process.returncode} ({_last_line(printed)}).")
        return Ran(time.perf_counter() - began, peak)


@contextmanager
def scratch() -> Iterator[Scratch]:
    """Yield a folder for one registration, which is gone after the block, with what still runs of its programs.

    A process of its own sees to that if this one is killed in the block.
    """
    with tempfile.TemporaryDirectory(prefix="pairreg_method_") as folder:
        command = [sys.executable, "-I", "-S", guard.__file__, folder]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, bufsize=0, start_new_session=True
        ) as watching:
            assert watching.stdin is not None
            yield Scratch(Path(folder), watching.stdin)


def _peak_until_end(process: "subprocess.Popen[bytes]") -> float:
    """Wait for the end of a program that leads a session; return the most memory that it took in MB, as `Ran` has it.

    What `wait4` reports of a child includes the memory of this process, from which it was forked.
    """
    peak, turn = 0.0, 0
    there, counted = set[int](), set[int]()
    while process.poll() is None:
        if turn % _LOOK == 0:
            before, there = there, guard.members(process.pid)
            # At its first look, a process may still be a copy of the one that starts it, and would count it twice.
            counted = (there & before) | {process.pid}
        peak = max(peak, sum(map(highest_mb, counted)))
        turn += 1
        time.sleep(_POLL)
    return peak


def _last_line(printed: Path) -> str:
    lines = printed.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")

"""Programs that register images: how they are called, and what they took."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pairreg.backend.memory import highest_mb
from pairreg.errors import InputError, MethodError

_POLL = 0.02  # seconds


@dataclass(frozen=True)
class Ran:
    """A program that has ended well: how long it took, and the peak memory of its process, without those it started."""

    seconds: float
    peak_memory_mb: float


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder for the files of one registration, which is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="pairreg_method_") as folder:
        yield Path(folder)


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Ran:
    """Run a program in `folder` to its end; it gets no input, and an interruption ends it, too.

    Raises `InputError` if it cannot be started, `MethodError` with the last line that it printed if it fails.
    """
    printed = folder / "printed.txt"
    began = time.perf_counter()
    with printed.open("wb") as out:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise InputError(f"method: {command[0]} cannot be started ({error.strerror}); give its path.") from error
        peak = 0.0
        try:
            while process.poll() is None:
                # What `wait4` reports of a child includes the memory of this process, from which it was forked.
                peak = max(peak, highest_mb(process.pid))
                time.sleep(_POLL)
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode:
        raise MethodError(f"{command[0]} ended with {process.returncode} ({_last_line(printed)}).")
    return Ran(time.perf_counter() - began, peak)


def _last_line(printed: Path) -> str:
    lines = printed.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")

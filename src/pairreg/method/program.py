"""Programs that register images: how they are called, and what they took."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pairreg.errors import InputError, MethodError


@dataclass(frozen=True)
class Ran:
    """A program that has ended well: how long it took, and its peak memory."""

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
        try:
            # `wait4` has the memory of this child alone, the module `resource` the highest of all children.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise MethodError(f"{command[0]} ended with {process.returncode} ({_last_line(printed)}).")
    return Ran(time.perf_counter() - began, usage.ru_maxrss / 1024)


def _last_line(printed: Path) -> str:
    lines = printed.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")

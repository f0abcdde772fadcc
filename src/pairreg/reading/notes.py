"""An image with what was learnt while its file was read."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.reading.contents import AGAIN

log = logging.getLogger("pairreg")
STDERR = 2  # its number for C code, whatever Python has put in the place of sys.stderr
CHATTY = ("pydicom", "nibabel.global", "PIL")  # loggers that would speak on stderr


@dataclass(frozen=True)
class ImageFile:
    """An image as its file means it.

    **Attributes:**

    - `path`: the file or folder.
    - `image`: the voxels and where they lie, LPS mm.
    - `repairs`: what was not taken as it stands in the file, a sentence each that begins with the path.
    - `warnings`: what the file leaves open or probably gets wrong, likewise.
    - `padding`: uint8 on the grid of `image`, 1 where nothing was measured; None if that is nowhere.
    """

    path: Path
    image: sitk.Image
    repairs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    padding: sitk.Image | None = None

    def announce(self) -> None:
        """Log the repairs and warnings, one line each."""
        for sentence in (*self.repairs, *self.warnings):
            log.warning(sentence)


@dataclass
class Notes:
    """Collects the repairs and warnings of the file `path`; every text goes on after the path."""

    path: Path
    repairs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def repair(self, text: str) -> None:
        self.repairs.append(f"{self.path} {text}")

    def warn(self, text: str) -> None:
        self.warnings.append(f"{self.path} {text}")

    def of(self, image: sitk.Image, padding: sitk.Image | None = None) -> ImageFile:
        """`image` with everything that was collected."""
        return ImageFile(self.path, image, tuple(self.repairs), tuple(self.warnings), padding)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what libraries say on stderr, which users cannot tell from errors: warnings, logs, and C code."""
    loggers = [logging.getLogger(name) for name in CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    sys.stderr.flush()
    shown = os.dup(STDERR)
    try:
        with open(os.devnull, "w") as nowhere, warnings.catch_warnings():
            os.dup2(nowhere.fileno(), STDERR)
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(shown, STDERR)
        os.close(shown)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def reason(error: Exception) -> str:
    """The last line of a library's message, which holds the cause, without ITK's address of a C++ object."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[-1] if lines else type(error).__name__
    for mark in ("ERROR:", "): "):
        text = text.rpartition(mark)[2]
    return text.strip().rstrip(".")


@contextmanager
def refusing_damage(file: Path) -> Iterator[None]:
    """Turns what a library raises on a damaged file (whatever comes up: EOFError, TypeError, …) into `InputError`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{file} is cut off, damaged or too large ({reason(error)}); {AGAIN}.") from error

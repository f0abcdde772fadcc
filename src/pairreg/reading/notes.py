"""An image with what was learnt while its file was read."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.foreign_messages import reason
from pairreg.reading.contents import AGAIN

log = logging.getLogger("pairreg")


@dataclass(frozen=True)
class ImageFile:
    """An image as its file means it.

    **Attributes:**

    - `path`: the file or folder.
    - `image`: the voxels and where they lie, LPS mm.
    - `repairs`: what was not taken as it stands in the file, a sentence each that begins with the path.
    - `warnings`: what the file leaves open or probably gets wrong, likewise.
    - `padding`: uint8 on the grid of `image`, 1 where nothing was measured; None if that is nowhere.
    - `unit`: of the values, such as HU; empty where the file does not say, which only DICOM does.
    - `sized`: False for a picture without a resolution, whose pixels count as 1 mm wide.
    """

    path: Path
    image: sitk.Image
    repairs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    padding: sitk.Image | None = None
    unit: str = ""
    sized: bool = True

    def announce(self) -> None:
        """Log the repairs and warnings, one line each."""
        for sentence in (*self.repairs, *self.warnings):
            log.warning(sentence)


@dataclass
class Notes:
    """Collects what an `ImageFile` says of the file `path` beside its image; every text goes on after the path."""

    path: Path
    repairs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unit: str = ""
    sized: bool = True

    def repair(self, text: str) -> None:
        self.repairs.append(f"{self.path} {text}")

    def warn(self, text: str) -> None:
        self.warnings.append(f"{self.path} {text}")

    def of(self, image: sitk.Image, padding: sitk.Image | None = None) -> ImageFile:
        """`image` with everything that was collected."""
        return ImageFile(self.path, image, tuple(self.repairs), tuple(self.warnings), padding, self.unit, self.sized)


@contextmanager
def refusing_damage(file: Path) -> Iterator[None]:
    """Turns what a library raises on a damaged file (whatever comes up: EOFError, TypeError, …) into `InputError`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{file} is cut off, damaged or too large ({reason(error)}); {AGAIN}.") from error

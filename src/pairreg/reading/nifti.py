"""NIfTI-1 and NIfTI-2, in one file or two, gzip or not: the voxels by their header, where they lie by `nifti_space`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.reading.contents import check_length, content
from pairreg.reading.detached import partner
from pairreg.reading.nifti_space import Place, placed
from pairreg.reading.notes import ImageFile, Notes

SINGLE, PAIRED = (b"n+1", b"n+2"), (b"ni1", b"ni2")
HEADERS = (348, 540)  # bytes of a header
QUATERNION = ("quatern_b", "quatern_c", "quatern_d")
ROUNDED = 1e-3  # what the length of a quaternion may have above 1


@dataclass(frozen=True)
class Stored:
    """A NIfTI file as it is stored: its header, and all bytes of the `file` whose voxels begin at byte `start`."""

    header: Any
    data: bytes
    start: int
    file: Path

    def values(self, shape: Sequence[int]) -> np.ndarray:
        """The intensities `shape`, whose last axis is the first in the file; colours have one axis more."""
        return scaled(voxels(self.data, self.start, self.header, shape, self.file), self.header)


def read(path: Path) -> ImageFile:
    """The image in `path`, also of several components per voxel. Scaled by scl_slope and scl_inter it is float64.

    Raises `InputError` for a file that is cut off, cannot be meant, or says two different things of where it lies.
    """
    notes, stored = Notes(path), opened(path)
    size, components = sizes(stored.header, path)
    values = stored.values((*components, *size[::-1]))
    place = placed(stored.header, size, notes)
    if components:
        values = np.moveaxis(values, 0, -1)
    return notes.of(image_of(values, place, len(size)))


def opened(path: Path) -> Stored:
    """The header and the bytes of the image in `path`, before its sizes are looked at."""
    header_file, data_file = files(path)
    data = content(header_file)
    header = header_of(data, header_file)
    if data_file != header_file:
        data = content(data_file)
    # In one file the voxels begin behind the header and its four bytes of extension flags, also if it says 0.
    least = header["sizeof_hdr"] + 4 if data_file == header_file else 0
    return Stored(header, data, max(int(offset(header, header_file)), int(least)), data_file)


def files(path: Path) -> tuple[Path, Path]:
    """The file with the header and the one with the voxels, which often are the same."""
    other = partner(path)
    if other is None:
        return path, path
    if not other.exists():
        raise InputError(f"{path} has no {other.name} beside it, which holds the rest of the image; give both files.")
    first = path.name.lower().removesuffix(".gz").endswith(".hdr")
    return (path, other) if first else (other, path)


def header_of(data: bytes, path: Path) -> Any:
    """The header as nibabel has it, in the byte order of the file.

    Of its numbers pixdim[0] is made sound, and a quaternion that rounding has made longer than 1.
    """
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    second = int.from_bytes(data[:4], "little") == HEADERS[1] or int.from_bytes(data[:4], "big") == HEADERS[1]
    check_length(path, len(data), HEADERS[second])
    header = (Nifti2Header if second else Nifti1Header)(data[: HEADERS[second]], check=False)
    # The standard has 0 and whatever is not negative mean 1; nibabel would refuse it.
    header["pixdim"][0] = -1 if header["pixdim"][0] < 0 else 1
    shorten(header)
    magic = header["magic"].item()
    if magic in (PAIRED if partner(path) else SINGLE):
        return header
    if magic in SINGLE + PAIRED:
        raise InputError(f"{path} is one file by its name but not by its header, or the reverse; convert it to .nii.")
    raise InputError(f"{path} is an Analyze 7.5 file, which does not tell left from right; convert it to NIfTI.")


def shorten(header: Any) -> None:
    """Give the quaternion the length 1 if it is a little longer, as other readers do; nibabel would refuse it."""
    length = float(np.linalg.norm([float(header[key]) for key in QUATERNION]))
    if 1 < length <= 1 + ROUNDED:
        for key in QUATERNION:
            header[key] /= length


def sizes(header: Any, path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The voxels along the two or three axes in space, and `(components,)` or `()`."""
    dimensions = [int(n) for n in header["dim"]]
    used = dimensions[1 : 1 + dimensions[0]] if 1 <= dimensions[0] <= 7 else []
    if len(used) < 2 or min(used) < 1:
        raise InputError(f"{path} has the dimensions {dimensions} in its header; correct it.")
    used += [1] * (5 - len(used))
    if used[3] > 1 or max(used[5:], default=1) > 1:
        size = "×".join(map(str, used[: max(i for i, n in enumerate(used) if n > 1) + 1]))
        raise InputError(f"{path} has the size {size}; give one 2-D or 3-D image, such as one time point.")
    flat = dimensions[0] == 2 or (used[4] > 1 and used[2] == 1)  # vectors of a plane have to have five axes
    return tuple(used[: 2 if flat else 3]), (used[4],) if used[4] > 1 else ()


def offset(header: Any, path: Path) -> float:
    found = float(header["vox_offset"])
    if not 0 <= found < 2**53:
        raise InputError(f"{path} has its voxels at byte {found:g} by its header; correct it.")
    return found


def voxels(data: bytes, start: int, header: Any, shape: Sequence[int], path: Path) -> np.ndarray:
    """The values as they are stored `([components,] *spatial)`; colours `(*spatial, 3 or 4)`."""
    from nibabel.spatialimages import HeaderDataError

    try:
        kind = header.get_data_dtype()
    except (KeyError, HeaderDataError):
        kind = np.dtype("V0")
    if kind.itemsize == 0:
        raise InputError(f"{path} has the datatype {int(header['datatype'])}, which is none; correct it.")
    if kind.kind not in "iufV" or kind.itemsize > 8:
        raise InputError(f"{path} has voxels of the type {kind.name}; give real numbers of at most 64 bits.")
    count = int(np.prod(shape, dtype=object))
    check_length(path, len(data), start + count * kind.itemsize)
    values = np.frombuffer(data, kind, count, start).reshape(shape)
    if kind.kind == "V":
        return values.view(np.uint8).reshape(*shape, kind.itemsize)
    return values.astype(kind.newbyteorder("="), copy=False)


def scaled(values: np.ndarray, header: Any) -> np.ndarray:
    """The intensities: stored values times scl_slope plus scl_inter, where those are given."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite([slope, inter]).all() or slope == 0 or (slope, inter) == (1, 0):
        return values
    return values * slope + inter


def image_of(values: np.ndarray, place: Place, axes: int) -> sitk.Image:
    """The image of `values` `(*spatial,)` with `axes` axes in space, or `(*spatial, components)`."""
    several = values.ndim > axes
    if len(place.spacing) > axes:
        values = values[np.newaxis]  # a plane that is turned in space
    image = sitk.GetImageFromArray(values, isVector=several)
    image.SetSpacing(place.spacing)
    image.SetOrigin(place.origin)
    image.SetDirection(place.direction)
    return image

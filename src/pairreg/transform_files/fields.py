"""Files with a vector at every voxel: their numbers and grids, before what the numbers mean is known."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.foreign_messages import quiet
from pairreg.reading import nifti
from pairreg.reading.any_format import read_vectors
from pairreg.reading.format_of import format_of
from pairreg.reading.grid import checked_grid
from pairreg.reading.nifti_space import placed
from pairreg.reading.notes import Notes, refusing_damage
from pairreg.transform_files.images import size_text

ARRAYS = (".npz", ".npy")


@dataclass(frozen=True)
class Field:
    """The vectors in `path`, as they are stored.

    **Attributes:**

    - `values`: `(*spatial, ndim)`, float64, array axis order, the component along the first axis of the file first.
    - `header`: that of a NIfTI file, as nibabel has it; otherwise None.
    - `image`: that of a file of another image format; otherwise None.
    """

    path: Path
    values: np.ndarray
    header: Any = None
    image: sitk.Image | None = None

    @property
    def size(self) -> tuple[int, ...]:
        """The number of voxels along each axis, x first."""
        return self.values.shape[-2::-1]

    def grid(self) -> sitk.Image:
        """An image on the grid that the file says it has; repairs of it are logged. Raises `InputError` without one."""
        if self.image is not None:
            return self.image
        if self.header is None:
            raise InputError(f"{self.path} is an array without a grid; give the format learn2reg or voxels.")
        notes = Notes(self.path)
        with quiet():
            place = placed(self.header, self.size, notes)
            image = nifti.image_of(self.values, place, len(self.size))
            found = notes.of(checked_grid(image, notes))
        if found.image.GetDimension() != len(self.size):
            raise InputError(f"{self.path} is a plane that is turned in space; give one whose axes are x and y.")
        found.announce()
        return found.image

    def check_size(self, image: sitk.Image, name: str) -> None:
        """Raise `InputError` unless the field has as many voxels as `image`, the `name` image, along each axis."""
        if self.size != image.GetSize():
            sizes = f"{size_text(self.size)} voxels and the {name} image {size_text(image.GetSize())}"
            raise InputError(f"{self.path} has {sizes}; give the field of this pair, on the grid of that image.")


def load(path: Path) -> Field:
    """The vectors in an image file, an `.npz` file of one array or an `.npy` file; they are finite.

    Raises `InputError` for a file that is not whole, or has not 2 numbers at every pixel or 3 at every voxel.
    """
    if path.name.lower().endswith(ARRAYS):
        return Field(path, _in_array_order(_array(path), path))
    if format_of(path) != "nifti":
        image = read_vectors(path).image
        _check_vectors(image, path)
        return Field(path, _finite(geometry.array(image).astype(np.float64), path), image=image)
    stored = nifti.opened(path)
    shape = _shape(stored.header, path)
    return Field(path, _in_array_order(stored.values(shape[::-1]).T, path), stored.header)


def axes(header: Any) -> int:
    """The number of axes that a NIfTI header counts."""
    return int(header["dim"][0])


def _shape(header: Any, path: Path) -> tuple[int, ...]:
    dimensions = [int(n) for n in header["dim"]]
    shape = tuple(dimensions[1 : 1 + dimensions[0]]) if 1 <= dimensions[0] <= 7 else ()
    if len(shape) < 3 or min(shape) < 1:
        raise InputError(f"{path} has the dimensions {dimensions} in its header, and is no field; give a field.")
    return shape


def _in_array_order(values: np.ndarray, path: Path) -> np.ndarray:
    """Values `(X, Y[, Z][, 1…], ndim)` as `(*spatial, ndim)` in array axis order."""
    shape = values.shape
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    ndim = shape[-1]
    if ndim not in (2, 3) or len(shape) <= ndim or max(shape[ndim:-1], default=1) > 1:
        said = f"{path} has the size {size_text(values.shape)}, which is no displacement field"
        raise InputError(f"{said}; give one of X×Y×Z×3 numbers, or of X×Y×2 in 2-D.")
    spatial = values.reshape(*shape[:ndim], ndim)
    return _finite(spatial.transpose(*range(ndim - 1, -1, -1), ndim).astype(np.float64), path)


def _array(path: Path) -> np.ndarray:
    with refusing_damage(path), path.open("rb") as file:  # NumPy itself leaves a damaged file open
        loaded = np.load(file, allow_pickle=False)
        names = list(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else []
        if len(names) > 1:
            raise InputError(f"{path} holds the arrays {', '.join(names)}; give a file with the displacement only.")
        found: np.ndarray = loaded[names[0]] if names else loaded
        if found.dtype.kind not in "iuf":
            raise InputError(f"{path} holds an array of {found.dtype}; give one of real numbers.")
    return found


def _check_vectors(image: sitk.Image, path: Path) -> None:
    count, ndim = image.GetNumberOfComponentsPerPixel(), image.GetDimension()
    if count != ndim or ndim not in (2, 3):
        raise InputError(f"{path} is {ndim}-D with {count} numbers per voxel, and no displacement field; give a field.")


def _finite(values: np.ndarray, path: Path) -> np.ndarray:
    bad = int((~np.isfinite(values)).any(-1).sum())
    if bad:
        raise InputError(f"{path} has {bad} voxels with NaN or infinite displacements; write the field anew.")
    return values


def displacement(values: np.ndarray, grid: sitk.Image) -> sitk.DisplacementFieldTransform:
    """The transform of displacements `(*spatial, ndim)` in LPS mm on `grid`."""
    return geometry.displacement_transform(geometry.image(values, grid, vector=True))

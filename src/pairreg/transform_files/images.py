"""The two images between which a transform leads, which some formats need in order to be understood."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError


class Images(NamedTuple):
    """The fixed and the moving image; None where they are not known. Only their grids are looked at."""

    fixed: sitk.Image | None
    moving: sitk.Image | None

    def need(self, name: str, path: Path, format: str) -> sitk.Image:
        """The image `fixed` or `moving`; raises `InputError` if it is not known."""
        found: sitk.Image | None = getattr(self, name)
        if found is None:
            raise InputError(f"{path}: the format {format} says nothing without the {name} image; give that, too.")
        return found


def steps(image: sitk.Image) -> np.ndarray:
    """The matrix `(ndim, ndim)` from a step in voxels to a step in LPS mm, both x first."""
    return geometry.index_to_physical(image)[:, ::-1]


def indices(shape: tuple[int, ...]) -> np.ndarray:
    """The index of every voxel, `(*spatial, ndim)`: array axis order of `shape`, components x first."""
    axes = np.meshgrid(*[np.arange(n, dtype=np.float64) for n in shape], indexing="ij")
    return np.stack(axes[::-1], -1)


def size_text(size: tuple[int, ...]) -> str:
    """A size as a person writes it."""
    return "×".join(map(str, size))

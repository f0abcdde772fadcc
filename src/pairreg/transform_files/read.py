"""Reads a transform from one file or a chain of them."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.reading.grid import SAME
from pairreg.transform_files import fsl, itk, learn2reg, nifti, voxels
from pairreg.transform_files.format_of import format_of
from pairreg.transform_files.images import Images, size_text

Reader = Callable[[Path, Images], sitk.Transform]
READERS: dict[str, Reader] = {
    "itk": itk.read,
    "nifti": nifti.read,
    "ras": nifti.read_ras,
    "learn2reg": learn2reg.read,
    "fsl": fsl.read,
    "voxels": voxels.read,
}
FORMATS = tuple(READERS)  # names of the formats that can be read


def read_transform(
    paths: str | Path | Sequence[str | Path],
    fixed: sitk.Image | None,
    moving: sitk.Image | None,
    format: str | None = None,
) -> sitk.Transform:
    """The map from fixed to moving points in LPS mm.

    **Arguments:**

    - `paths`: a file, or a chain of them in the order of `antsApplyTransforms -t`: the first file takes a point of the
      fixed image first (such as `[1Warp.nii.gz, 0GenericAffine.mat]`).
    - `fixed`, `moving`: the images between which it leads; only their grids are used, to understand what is stored in
      voxels (`learn2reg`, `fsl`, `voxels`) and to check that a field covers the fixed image.
    - `format`: one of `FORMATS` for every file; None: told from each file, if that is certain.

    **Returns:** one transform of SimpleITK, a `CompositeTransform` for a chain.

    **Raises:** `InputError` for a file that is missing, not whole, or whose format is not certain; for transforms of
    other dimensions than the images; for NaN and infinite numbers; for a field that does not cover the fixed image.
    """
    files = [existing(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not files:
        raise InputError("No transform file is given; give one, or several in the order of antsApplyTransforms.")
    images = Images(fixed, moving)
    found = [_read_one(file, images, format) for file in files]
    _check_dimensions(found, files, images)
    # The last one that a composite was given comes first.
    whole = found[0] if len(found) == 1 else sitk.CompositeTransform(found[::-1])
    if fixed is not None:
        _check_cover(whole, fixed, files[0])
    return whole


def _read_one(file: Path, images: Images, format: str | None) -> sitk.Transform:
    if format is not None and format not in READERS:
        raise InputError(f"the format should be one of {', '.join(FORMATS)}; it is {format!r}.")
    return READERS[format or format_of(file)](file, images)


def _check_dimensions(found: Sequence[sitk.Transform], files: Sequence[Path], images: Images) -> None:
    given = [(str(file), transform.GetDimension()) for file, transform in zip(files, found, strict=True)]
    given += [(f"the {name} image", one.GetDimension()) for name, one in images._asdict().items() if one is not None]
    for name, ndim in given[1:]:
        if ndim != given[0][1]:
            said = f"{given[0][0]} is {given[0][1]}-D and {name} {ndim}-D"
            raise InputError(f"{said}; give transforms and images of the same dimension.")


def _check_cover(transform: sitk.Transform, fixed: sitk.Image, path: Path) -> None:
    """Raise `InputError` if a field takes the points of `fixed` first and does not reach over all of its voxels."""
    field = _first_field(transform)
    if field is None:
        return
    corners = product(*((0.0, n - 1.0) for n in fixed.GetSize()))
    points = [fixed.TransformContinuousIndexToPhysicalPoint(corner) for corner in corners]
    index = np.array([field.TransformPhysicalPointToContinuousIndex(point) for point in points])
    outside = np.maximum(-0.5 - index, index - np.array(field.GetSize()) + 0.5)
    if outside.max() > SAME:
        beyond = float((outside * np.array(field.GetSpacing())).max())
        grids = f"a field of {_grid_text(field)}, and the fixed image ({_grid_text(fixed)}) reaches {beyond:.4g} mm"
        raise InputError(f"{path} has {grids} beyond it; give the field of this pair.")


def _first_field(transform: sitk.Transform) -> sitk.Image | None:
    """The field of the transform that takes a fixed point first; None if that is not a field."""
    first = itk.single(transform)[-1]
    return first.GetDisplacementField() if isinstance(first, sitk.DisplacementFieldTransform) else None


def _grid_text(image: sitk.Image) -> str:
    """The size, spacing and origin of a grid."""
    numbers = ("×".join(f"{h:.4g}" for h in image.GetSpacing()), ", ".join(f"{x:.4g}" for x in image.GetOrigin()))
    return f"{size_text(image.GetSize())} voxels of {numbers[0]} mm from ({numbers[1]})"

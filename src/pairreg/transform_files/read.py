"""Reads a transform from one file or a chain of them."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, whole_transform
from pairreg.errors import InputError
from pairreg.geometry import SAME
from pairreg.markers import FilesOf
from pairreg.transform_files import ants, elastix, fsl, itk, learn2reg, nifti, voxels
from pairreg.transform_files.format_of import format_of
from pairreg.transform_files.images import Images, size_text

Reader = Callable[[Path, Images], sitk.Transform]
READERS: dict[str, Reader] = {
    "itk": itk.read,
    "ants": itk.read,
    "elastix": elastix.read,
    "nifti": nifti.read,
    "ras": nifti.read_ras,
    "learn2reg": learn2reg.read,
    "fsl": fsl.read,
    "voxels": voxels.read,
}
FORMATS = tuple(READERS)  # names of the formats that can be read
SINGULAR = 1e-9  # determinants below this are 0


def read_transform(
    paths: str | Path | Sequence[str | Path],
    fixed: sitk.Image | None,
    moving: sitk.Image | None,
    format: str | None = None,
) -> sitk.Transform:
    """The map from fixed to moving points in LPS mm.

    **Arguments:**

    - `paths`: a file, or a chain of them in the order of `antsApplyTransforms -t`: the first file takes a point of the
      fixed image first (such as `[1Warp.nii.gz, 0GenericAffine.mat]`). As there, `[FILE,1]` is the inverse of a linear
      transform. The prefix that `antsRegistration` was given stands for the files of its stages. Of elastix, the last
      file of a chain is given, which names the others.
    - `fixed`, `moving`: the images between which it leads; only their grids are used, to understand what is stored in
      voxels (`learn2reg`, `fsl`, `voxels`) and to check that a field covers the fixed image.
    - `format`: one of `FORMATS` for every file; None: told from each file, if that is certain.

    **Returns:** one transform of SimpleITK, a `CompositeTransform` for a chain.

    **Raises:** `InputError` for a file that is missing, not whole, or whose format is not certain; for transforms of
    other dimensions than the images; for NaN and infinite numbers; for a field that does not cover the fixed image; for
    one that has no inverse where that is asked for.
    """
    links, images = ants.links(paths), Images(fixed, moving)
    found = [_read_one(link, images, format) for link in links]
    check_dimensions(found, [link.path for link in links], images)
    # The last one that a composite was given comes first.
    whole = found[0] if len(found) == 1 else sitk.CompositeTransform(found[::-1])
    if fixed is not None:
        _check_cover(whole, fixed, links[0].path)
    return whole


def files_of(settings: Mapping[str, Any]) -> dict[str, Path]:
    """Return every file that `read_transform` reads for `settings["path"]`, by its place and use."""
    found: dict[str, Path] = {}
    for number, link in enumerate(ants.links(settings["path"])):
        files = elastix.chain_of(link.path) if elastix.is_parameter_file(link.path) else [link.path]
        use = "inverse" if link.inverse else "as it is"
        found |= {f"{number}.{place} {use}": file for place, file in enumerate(files)}
    return found


# A setting that names the files of a transform, as `read_transform` takes them; what counts of it is their content.
TransformPaths = Annotated[str | Path | list[str | Path], FilesOf(files_of)]


def _read_one(link: ants.Link, images: Images, format: str | None) -> sitk.Transform:
    if format is not None and format not in READERS:
        raise InputError(f"the format should be one of {', '.join(FORMATS)}; it is {format!r}.")
    found = READERS[format or format_of(link.path)](link.path, images)
    _check_linear_parts(found, link.path)
    return ants.inverse(found, link.path) if link.inverse else found


def _check_linear_parts(transform: sitk.Transform, path: Path) -> None:
    """Raise `InputError` for a linear transform that leads space to a plane or a point."""
    for part in whole_transform.parts(transform):
        if part.IsLinear() and abs(np.linalg.det(geometry.linear_part(part, part.GetDimension())[0])) < SINGULAR:
            raise InputError(
                f"{path} has a linear transform of the determinant 0, which loses a dimension; correct it."
            )


def check_dimensions(found: Sequence[sitk.Transform], files: Sequence[Path], images: Images) -> None:
    """Raise `InputError` unless transforms, each from one of `files`, and images have the same number of dimensions."""
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
    first = whole_transform.parts(transform)[-1]
    return first.GetDisplacementField() if isinstance(first, sitk.DisplacementFieldTransform) else None


def _grid_text(image: sitk.Image) -> str:
    """The size, spacing and origin of a grid."""
    numbers = ("×".join(f"{h:.4g}" for h in image.GetSpacing()), ", ".join(f"{x:.4g}" for x in image.GetOrigin()))
    return f"{size_text(image.GetSize())} voxels of {numbers[0]} mm from ({numbers[1]})"

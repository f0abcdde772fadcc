"""Transform files of ITK, which SimpleITK, ANTs and 3-D Slicer write too, and displacement fields as they write them.

A field is a vector image whose numbers are LPS mm: NRRD, MetaImage, or NIfTI with five axes (intent 1007).
"""

from pathlib import Path

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.foreign_messages import quiet, reason
from pairreg.reading.contents import raw_bytes
from pairreg.transform_files import itk_parts
from pairreg.transform_files.fields import axes, displacement, load
from pairreg.transform_files.images import Images, size_text


def read(path: Path, images: Images) -> sitk.Transform:
    """The transform in a `.tfm`, `.txt`, `.mat` or `.h5` file, or that of a displacement field."""
    return _of_file(path) if is_transform_file(path) else _of_field(path)


def is_transform_file(path: Path) -> bool:
    """Whether the file is a transform file of ITK by its first bytes, or a `.mat` file."""
    return raw_bytes(path, 32).startswith((itk_parts.HDF5, itk_parts.TEXT)) or path.suffix.lower() == ".mat"


def _of_file(path: Path) -> sitk.Transform:
    stored = itk_parts.parts(path)
    itk_parts.check(stored, path)
    if stored[0].type.startswith(f"{itk_parts.AFFINE}_"):
        return _affine(stored[0], path)
    try:
        with quiet():
            found = sitk.ReadTransform(str(path)).Downcast()
    except RuntimeError as error:
        raise InputError(f"{path} cannot be read as a transform ({reason(error)}); write it anew.") from error
    needed = [n for part in single(found) for n in (part.GetNumberOfParameters(), part.GetNumberOfFixedParameters())]
    there = [len(numbers) for part in stored[-len(single(found)) :] for numbers in (part.parameters, part.fixed)]
    if there != needed:  # ITK leaves a transform as it is, the identity, if parameters are missing
        raise InputError(f"{path} has {there} numbers for a transform that needs {needed}; write it anew.")
    return found


def _affine(part: itk_parts.Part, path: Path) -> sitk.Transform:
    """The linear map of c3d and old ANTs, which SimpleITK knows by another name only."""
    ndim = len(part.fixed)
    if ndim not in (2, 3) or len(part.parameters) != ndim * (ndim + 1):
        raise InputError(f"{path} has {len(part.parameters)} numbers for a linear map and its centre; write it anew.")
    found = sitk.AffineTransform(ndim)
    found.SetFixedParameters(part.fixed.tolist())
    found.SetParameters(part.parameters.tolist())
    return found


def single(transform: sitk.Transform) -> list[sitk.Transform]:
    """The transforms that a composite is made of, the one that comes last first; of another transform, itself."""
    if not isinstance(transform, sitk.CompositeTransform):
        return [transform]
    return [one for n in range(transform.GetNumberOfTransforms()) for one in single(transform.GetNthTransform(n))]


def _of_field(path: Path) -> sitk.Transform:
    field = load(path)
    if field.header is not None and axes(field.header) < 5:
        said = f"{path} has the size {size_text(field.size)}×{len(field.size)} on {axes(field.header)} axes"
        raise InputError(f"{said}, which ITK writes on five; name the format that it has, such as voxels or learn2reg.")
    return displacement(field.values, field.grid())

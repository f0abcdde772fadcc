"""Writes a transform in a format of other tools."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, whole_transform
from pairreg.errors import InputError
from pairreg.files import replacing
from pairreg.foreign_messages import quiet, reason
from pairreg.image_files import write_failure, write_image
from pairreg.transform_files import fsl, learn2reg, matrices
from pairreg.transform_files.images import Images, steps

HDF5, TEXT = (".h5", ".hdf5"), (".tfm", ".txt")
NIFTI = (".nii.gz", ".nii")
ENDINGS = {"itk": (*HDF5, *TEXT), "nifti": NIFTI, "learn2reg": (*NIFTI, ".npz"), "fsl": (".mat", ".txt")}
WRITTEN = tuple(ENDINGS)  # names of the formats that can be written


def write_transform(
    transform: sitk.Transform, path: Path, format: str, fixed: sitk.Image | None, moving: sitk.Image | None
) -> None:
    """Write the map `transform` from fixed to moving points (LPS mm).

    - `itk`: the transform itself, in `.h5`, `.hdf5` (a composite transform) or in text, `.tfm`, `.txt`.
    - `nifti`: its displacement at the voxels of `fixed`, LPS mm, float32, intent 1007, in `.nii.gz` or `.nii`.
    - `learn2reg`: its displacement there in voxels of `moving`, in `.nii.gz`, `.nii` or `.npz`.
    - `fsl`: the matrix of FLIRT for a linear transform, in `.mat` or `.txt`.

    `format` is one of `WRITTEN`. Raises `InputError` if the name of the file does not fit the format, or an image is
    missing whose grid is needed, and `OSError` if it cannot be written.
    """
    if format not in ENDINGS:
        raise InputError(f"the format should be one of {', '.join(WRITTEN)}; it is {format!r}.")
    if not path.name.lower().endswith(ENDINGS[format]):
        raise InputError(f"{path} should end in {' or '.join(ENDINGS[format])}, as files of the format {format} do.")
    writers: dict[str, Callable[[sitk.Transform, Path, Images], None]] = {
        "itk": _itk,
        "nifti": _nifti,
        "learn2reg": _learn2reg,
        "fsl": _fsl,
    }
    writers[format](transform, path, Images(fixed, moving))


def written_format(path: Path) -> str:
    """The format in which a file of that name is written; raises `InputError` if there is none."""
    if learn2reg.FILE.fullmatch(path.name):
        return "learn2reg"
    for format, endings in ENDINGS.items():
        if format != "fsl" and path.name.lower().endswith(endings):  # ANTs has .mat, too
            return format
    every = dict.fromkeys(ending for endings in ENDINGS.values() for ending in endings)
    formats = ", ".join(WRITTEN)
    raise InputError(f"{path} does not say its format; end it in one of {', '.join(every)}, and name one of {formats}.")


def _itk(transform: sitk.Transform, path: Path, images: Images) -> None:
    whole = sitk.CompositeTransform(whole_transform.parts(transform))  # files hold no composite within another
    with replacing(path) as part:
        if path.name.lower().endswith(HDF5):
            whole_transform.write(whole, part)
        else:
            _write_text(whole, part)


def _write_text(transform: sitk.Transform, path: Path) -> None:
    """Write a text file of ITK; raises `OSError` if it is not what it should be: ITK itself overlooks a full disk."""
    try:
        with quiet():
            sitk.WriteTransform(transform, str(path))
            written, meant = (
                whole_transform.parts(one) for one in (sitk.ReadTransform(str(path)).Downcast(), transform)
            )
    except RuntimeError as error:
        raise write_failure(path, reason(error)) from error
    if [part.GetParameters() for part in written] != [part.GetParameters() for part in meant]:
        raise write_failure(path, "the file is not whole")


def _nifti(transform: sitk.Transform, path: Path, images: Images) -> None:
    fixed = images.need("fixed", path, "nifti")
    write_image(sitk.Cast(displacements(transform, fixed), sitk.sitkVectorFloat32), path)


def _learn2reg(transform: sitk.Transform, path: Path, images: Images) -> None:
    fixed, moving = (images.need(name, path, "learn2reg") for name in ("fixed", "moving"))
    values = learn2reg.values_of(geometry.array(displacements(transform, fixed)), fixed, moving)
    with replacing(path) as part:
        if path.name.lower().endswith(".npz"):
            np.savez_compressed(part, values)
            return
        import nibabel

        affine = np.eye(4)
        n = fixed.GetDimension()
        affine[:n, :n], affine[:n, 3] = steps(fixed), fixed.GetOrigin()
        nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine).to_filename(part)


def _fsl(transform: sitk.Transform, path: Path, images: Images) -> None:
    fixed, moving = (images.need(name, path, "fsl") for name in ("fixed", "moving"))
    matrix = fsl.matrix_of(transform, path, fixed, moving)
    with replacing(path) as part:
        matrices.save(matrix, part)


def displacements(transform: sitk.Transform, grid: sitk.Image) -> sitk.Image:
    """The vector image of `T(x) - x` in LPS mm at the voxels x of `grid`, float64."""
    return sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        grid.GetSize(),
        grid.GetOrigin(),
        grid.GetSpacing(),
        grid.GetDirection(),
    )

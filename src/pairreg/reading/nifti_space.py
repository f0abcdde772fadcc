"""Where the voxels of a NIfTI file lie: its two matrices, voxel sizes and unit, which may contradict each other.

What a sound header means is left to ITK, so that it is the same in every tool that is built on it.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.geometry import SAME, discrepancy
from pairreg.reading.grid import EXACT, SNAPPED, STRAIGHT, check_matrix, check_place, short, skew, straight
from pairreg.reading.notes import Notes

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # NIfTI counts to the right and to the front
MILLIMETRES = {1: 1000.0, 3: 0.001}  # in the unit of length by its code; 0 (not given) and 2 are mm
SPATIAL = (
    *("pixdim", "xyzt_units", "sform_code", "srow_x", "srow_y", "srow_z", "qform_code"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
)
AGREE = "make them equal, such as by nibabel's image.set_qform(image.get_sform())"


class Place(NamedTuple):
    """Where voxels lie, in the words of SimpleITK."""

    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]

    def matrix(self) -> np.ndarray:
        """From indices `(3,)` to LPS mm; a plane lies in x and y."""
        n, found = len(self.spacing), np.eye(4)
        found[:n, :n] = np.reshape(self.direction, (n, n)) * self.spacing
        found[:n, 3] = self.origin
        return found


def placed(header: Any, size: tuple[int, ...], notes: Notes) -> Place:
    """Where the voxels lie, with three axes if they do not lie in the plane of x and y.

    Raises `InputError` where the header contradicts itself or cannot be meant.
    """
    box = (*size, 1)[:3]
    check_unit(header, notes)
    sform, qform = (coded(header, form, len(size), notes.path) for form in ("sform", "qform"))
    space = spatial_part(header)
    if sform is not None and qform is not None and discrepancy(sform, qform, box) > SAME:
        check_sheared(sform, qform, box, notes.path)
        qform, space["qform_code"] = None, 0
    matrix = sform if sform is not None else qform
    if matrix is None:
        check_zooms(header, len(size), notes.path)
        notes.warn(
            "does not say where it lies (sform_code and qform_code are 0): its axes are taken to go left, back and up "
            "from 0, as in ITK, while nibabel and FSL have other conventions; set one of the codes."
        )
    elif qform is None:
        matrix = only_sform(space, matrix, box, notes)
    oblique = matrix is not None and np.abs(matrix[2, :2]).max() > EXACT * np.abs(matrix[:2, :2]).max()
    place = by_itk(space, 3 if oblique else len(size))
    if matrix is not None:
        axes = range(len(place.spacing))
        stated, found = (m[np.ix_([*axes, 3], [*axes, 3])] for m in (TO_LPS @ matrix, place.matrix()))
        check_place(stated, found, box[: len(axes)], notes.path, AGREE)
    return place


def check_sheared(sform: np.ndarray, qform: np.ndarray, size: tuple[int, ...], path: Path) -> None:
    """Raise `InputError` unless `qform` is what a slightly sheared `sform` is without its shear.

    A qform cannot be sheared, so that programs write that, around the first voxel.
    """
    sheared = skew(sform)
    if EXACT < sheared <= SNAPPED:
        nearest = straight(sform, size, Notes(path))
        around_first = np.hstack([nearest[:, :3], sform[:, 3:]])
        if discrepancy(around_first, qform, size) <= SAME:
            return
    both = f"sform {short(sform)} and qform {short(qform)}"
    advice = f"the sform is sheared, so {STRAIGHT}" if sheared > SNAPPED else AGREE
    raise InputError(f"{path} lies at two places by its header ({both}); {advice}.")


def check_unit(header: Any, notes: Notes) -> None:
    code = int(header["xyzt_units"]) & 7
    if code in MILLIMETRES:
        unit = {1: "metres", 3: "micrometres"}[code]
        notes.warn(f"gives its lengths in {unit}, which counts here; nibabel and FSL take the numbers as mm.")


def coded(header: Any, form: str, ndim: int, path: Path) -> np.ndarray | None:
    """The sform or qform as a matrix `(4, 4)` to RAS mm; None if its code is 0."""
    from nibabel.spatialimages import HeaderDataError

    if int(header[f"{form}_code"]) == 0:
        return None
    if form == "qform":
        check_zooms(header, ndim, path)
    try:
        found = np.array(getattr(header, f"get_{form}")(), float)
    except (ValueError, HeaderDataError) as error:
        raise InputError(f"{path} has a qform that is no rotation ({error}); correct its header.") from error
    found[:3] *= MILLIMETRES.get(int(header["xyzt_units"]) & 7, 1.0)
    if ndim == 2 and not found[:3, 2].any():  # a plane has no third axis
        found[2, 2] = 1
    check_matrix(found, form, path)
    return found


def check_zooms(header: Any, ndim: int, path: Path) -> None:
    zooms = np.array(header["pixdim"][1 : 1 + ndim], float)
    if not (np.isfinite(zooms).all() and (zooms > 0).all()):
        spacing = "×".join(f"{h:g}" for h in zooms)
        raise InputError(f"{path} has voxels of {spacing} mm by its pixdim; correct its header.")


def spatial_part(header: Any) -> Any:
    """A NIfTI-1 header of a scalar image that lies where that of `header` does."""
    from nibabel.nifti1 import Nifti1Header

    found = Nifti1Header()
    for key in SPATIAL:
        found[key] = header[key]
    return found


def only_sform(space: Any, sform: np.ndarray, size: tuple[int, ...], notes: Notes) -> np.ndarray:
    """`sform` with orthogonal axes; `space` gets it and its voxel sizes where they were others."""
    matrix = straight(sform, size, notes)
    unit = MILLIMETRES.get(int(space["xyzt_units"]) & 7, 1.0)
    lengths, given = np.linalg.norm(matrix[:3, :3], axis=0), np.array(space["pixdim"][1:4], float) * unit
    shown = [axis for axis in range(3) if size[axis] > 1]
    agree = np.allclose(given[shown], lengths[shown], rtol=1e-3, atol=0)
    if not agree:
        two = ["×".join(f"{h:.5g}" for h in sizes[shown]) for sizes in (given, lengths)]
        notes.repair(f"has voxels of {two[0]} mm by its pixdim and {two[1]} mm by its sform: the sform counts.")
    if matrix is not sform or not agree:
        space["pixdim"][1:4] = lengths / unit
        space.set_sform(np.vstack([matrix[:3] / unit, matrix[3]]), int(space["sform_code"]))
    return matrix


def by_itk(space: Any, ndim: int) -> Place:
    """What ITK reads from the header `space`, with `ndim` axes."""
    space.set_data_shape((2,) * ndim)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "space.nii"  # ITK reads headers from files only
        file.write_bytes(space.binaryblock + bytes(4))
        reader = sitk.ImageFileReader()
        reader.SetImageIO("NiftiImageIO")
        reader.SetFileName(str(file))
        reader.ReadImageInformation()
    found = (reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection())
    return Place(*(tuple(x + 0.0 for x in numbers) for numbers in found))  # no -0

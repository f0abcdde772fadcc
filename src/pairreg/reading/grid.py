"""Where voxels lie: matrices from voxel indices to mm, and what a file may not say about them."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.geometry import SAME, discrepancy, matrix_of
from pairreg.reading.notes import Notes

FURTHEST = 1e6  # mm: a kilometre from the origin lies no image
SPACINGS = (1e-7, 1e4)  # mm between voxels that can be meant
EXACT = 5e-5  # cosines between axes below this are rounding; ITK itself refuses 1e-4 in NIfTI
SNAPPED = 1e-2  # and below this an error that is repaired
STRAIGHT = "resample it to a straight grid, or correct its header"


def check_matrix(matrix: np.ndarray, what: str, path: Path) -> None:
    """Raise `InputError` for a matrix from indices to mm that cannot be meant; `what` is its name in the file."""
    if not np.isfinite(matrix).all():
        raise InputError(f"{path} has NaN or infinite numbers in its {what} ({short(matrix)}); correct its header.")
    lengths = np.linalg.norm(matrix[:-1, :-1], axis=0)
    if lengths.min() < SPACINGS[0] or lengths.max() > SPACINGS[1]:
        spacing = "×".join(f"{h:g}" for h in lengths)
        raise InputError(f"{path} has voxels of {spacing} mm by its {what}; correct its header.")
    if abs(np.linalg.det(matrix[:-1, :-1] / lengths)) < 1e-3:
        raise InputError(f"{path} has axes that lie in one plane by its {what} ({short(matrix)}); correct its header.")
    if np.abs(matrix[:-1, -1]).max() > FURTHEST:
        origin = ", ".join(f"{x:g}" for x in matrix[:-1, -1])
        raise InputError(f"{path} lies at ({origin}) mm by its {what}; correct its header.")


def check_place(stated: np.ndarray, found: np.ndarray, size: tuple[int, ...], path: Path, advice: str) -> None:
    """Raise `InputError`, with an `advice`, if ITK has understood the matrix that a header states otherwise."""
    if discrepancy(stated, found, size) > SAME:
        both = f"{short(stated)} by its header, {short(found)} by ITK"
        raise InputError(f"{path} lies at two places ({both}); {advice}.")


def short(matrix: np.ndarray) -> str:
    """The rows of a matrix from indices to mm, on one line."""
    return "[" + "; ".join(" ".join(f"{x:.5g}" for x in row) for row in matrix[:-1]) + "]"


def skew(matrix: np.ndarray) -> float:
    """The largest cosine between two axes of a matrix from indices to mm; 0 for a straight grid."""
    axes = matrix[:-1, :-1] / np.linalg.norm(matrix[:-1, :-1], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(len(axes))).max())


def straight(matrix: np.ndarray, size: tuple[int, ...], notes: Notes) -> np.ndarray:
    """The matrix with orthogonal axes nearest to `matrix`, around the centre of the grid; itself if it has them.

    A cosine between two axes up to 0.01 is repaired; beyond that raises `InputError`.
    """
    cosine = skew(matrix)
    if cosine <= EXACT:
        return matrix
    angle = f"{np.degrees(np.arccos(cosine)):.4g}°"
    if cosine > SNAPPED:
        raise InputError(f"{notes.path} has sheared axes, {angle} apart ({short(matrix)}); {STRAIGHT}.")
    lengths = np.linalg.norm(matrix[:-1, :-1], axis=0)
    left, _, right = np.linalg.svd(matrix[:-1, :-1] / lengths)
    found, centre = np.eye(len(matrix)), (np.array(size) - 1) / 2
    found[:-1, :-1] = left @ right * lengths
    found[:-1, -1] = matrix[:-1, -1] + (matrix - found)[:-1, :-1] @ centre
    moved = discrepancy(matrix, found, size)
    if moved > SAME / 10:
        notes.repair(f"has axes that are {angle} apart: made orthogonal, which moves corners by {moved:.2g} voxels.")
    return found


def checked_grid(image: sitk.Image, notes: Notes) -> sitk.Image:
    """`image` with orthogonal axes of length 1; raises `InputError` for a grid that cannot be meant."""
    matrix, n = matrix_of(image), image.GetDimension()
    check_matrix(matrix, "header", notes.path)
    units = np.linalg.norm(np.reshape(image.GetDirection(), (n, n)), axis=0)
    if np.abs(units - 1).max() > SNAPPED:
        shown = ", ".join(f"{length:.4g}" for length in units)
        raise InputError(f"{notes.path} has directions of the lengths {shown}; make them 1, and the spacing fit.")
    repaired = straight(matrix, image.GetSize(), notes)
    if repaired is not matrix or np.abs(units - 1).max() > EXACT:
        image, lengths = sitk.Image(image), np.linalg.norm(repaired[:n, :n], axis=0)
        image.SetSpacing(lengths.tolist())
        image.SetDirection((repaired[:n, :n] / lengths).ravel().tolist())
        image.SetOrigin(repaired[:n, n].tolist())
    return image

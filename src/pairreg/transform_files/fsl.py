"""Warp fields of FSL (`fnirt --fout`, `convertwarp`), and matrices of FLIRT: mm in FSL's own coordinates.

A field leads from the reference to the input image, a matrix (`flirt -omat`) the other way. The coordinates are
voxel indices times voxel sizes, with the first axis counted backwards in an image whose axes are right-handed (the
determinant of its matrix is positive). Relative fields are displacements, absolute ones positions; which one
it is FSL guesses, and so do we: the variation is less in the relative one.
Source: `readwarp` and `newimage` of FSL; Jenkinson et al., NeuroImage 17:825 (2002).
"""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.transform_files import matrices
from pairreg.transform_files.fields import displacement, load
from pairreg.transform_files.images import Images, indices, steps

FIELD = 2006  # intent of what fnirt --fout writes
COEFFICIENTS = (2007, 2008, 2009)


def read(path: Path, images: Images) -> sitk.Transform:
    """The transform of a matrix, or of a field on the reference, the fixed image."""
    if matrices.is_text(path):
        return _linear(path, images)
    moving, field = images.need("moving", path, "fsl"), load(path)
    if field.header is not None and int(field.header["intent_code"]) in COEFFICIENTS:
        raise InputError(f"{path} holds coefficients, not a field; make one by fnirtfileutils --withaff.")
    grid = field.grid()
    reference = _scaled(indices(field.values.shape[:-1]), grid)
    positions = field.values if _is_absolute(field.values, reference) else reference + field.values
    points = _index(positions, moving) @ steps(moving).T + np.array(moving.GetOrigin())
    return displacement(points - geometry.voxel_points(grid), grid)


def matrix_of(transform: sitk.Transform, path: Path, fixed: sitk.Image, moving: sitk.Image) -> np.ndarray:
    """The matrix `(4, 4)` that FLIRT has for a linear transform, to be written to `path`.

    Raises `InputError` for one that has none.
    """
    to_fixed, to_moving = _to_lps(fixed, path), _to_lps(moving, path)
    pull = np.linalg.inv(to_moving) @ matrices.of_transform(transform, path) @ to_fixed
    return np.linalg.inv(pull)


def _linear(path: Path, images: Images) -> sitk.Transform:
    """The transform of a matrix of FLIRT, which leads from the moving to the fixed image."""
    fixed, moving = (_to_lps(images.need(name, path, "fsl"), path) for name in ("fixed", "moving"))
    push = matrices.load(path)
    if np.linalg.det(push) == 0:
        raise InputError(f"{path} has a matrix of the determinant 0, which loses a dimension; correct it.")
    return matrices.transform(moving @ np.linalg.inv(push) @ np.linalg.inv(fixed))


def _to_lps(image: sitk.Image, path: Path) -> np.ndarray:
    """The matrix `(4, 4)` from FSL's coordinates of an image to LPS mm."""
    if image.GetDimension() != 3:
        raise InputError(f"{path} is a matrix in 3-D, and an image is {image.GetDimension()}-D; give 3-D images.")
    matrix = np.eye(4)
    corners = _index(np.vstack([np.zeros(3), np.eye(3)]), image) @ steps(image).T + np.array(image.GetOrigin())
    matrix[:3, :3], matrix[:3, 3] = (corners[1:] - corners[0]).T, corners[0]
    return matrix


def _is_absolute(values: np.ndarray, reference: np.ndarray) -> bool:
    """Whether the values vary more than their difference to the positions `reference` of the voxels."""
    axes = tuple(range(values.ndim - 1))
    return bool(values.std(axes).sum() > (values - reference).std(axes).sum())


def _scaled(index: np.ndarray, image: sitk.Image) -> np.ndarray:
    """Indices `(…, ndim)` of `image` in FSL's coordinates, mm."""
    return _turned(index, image) * np.array(image.GetSpacing())


def _index(scaled: np.ndarray, image: sitk.Image) -> np.ndarray:
    """The indices `(…, ndim)` of FSL's coordinates."""
    return _turned(scaled / np.array(image.GetSpacing()), image)


def _turned(index: np.ndarray, image: sitk.Image) -> np.ndarray:
    """The indices with the first axis counted backwards if the axes are right-handed; its own inverse."""
    if np.linalg.det(steps(image)) < 0:
        return index
    turned = index.copy()
    turned[..., 0] = image.GetSize()[0] - 1 - index[..., 0]
    return turned

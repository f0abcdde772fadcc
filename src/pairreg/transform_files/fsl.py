"""Warp fields of FSL (`fnirt --fout`, `convertwarp`): mm in FSL's own coordinates, from reference to input image.

These are voxel indices times voxel sizes, with the first axis counted backwards in an image whose axes are right-handed
(the determinant of its matrix is positive). Relative fields are displacements, absolute ones positions; which one
it is FSL guesses, and so do we: the variation is less in the relative one.
Source: `readwarp` and `newimage` of FSL.
"""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.transform_files.fields import displacement, load
from pairreg.transform_files.images import Images, indices, steps

FIELD = 2006  # intent of what fnirt --fout writes
COEFFICIENTS = (2007, 2008, 2009)


def read(path: Path, images: Images) -> sitk.Transform:
    """The transform of a field on the reference, the fixed image."""
    moving, field = images.need("moving", path, "fsl"), load(path)
    if field.header is not None and int(field.header["intent_code"]) in COEFFICIENTS:
        raise InputError(f"{path} holds coefficients, not a field; make one by fnirtfileutils --withaff.")
    grid = field.grid()
    reference = _scaled(indices(field.values.shape[:-1]), grid)
    positions = field.values if _is_absolute(field.values, reference) else reference + field.values
    points = _index(positions, moving) @ steps(moving).T + np.array(moving.GetOrigin())
    return displacement(points - geometry.voxel_points(grid), grid)


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

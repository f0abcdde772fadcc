"""What an image, a label map or a mask has to be before it is used."""

from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import expanded
from pairreg.geometry import array
from pairreg.pair.nifti import non_finite_voxels
from pairreg.pair.reading import read_image


def read_intensities(path: str | Path) -> sitk.Image:
    """The image in `path` as float32; its intensities are finite."""
    image: sitk.Image = sitk.Cast(read_image(path), sitk.sitkFloat32)
    check_finite(image, path)
    return image


def read_varying(path: str | Path) -> sitk.Image:
    """`read_intensities` of an image that is not constant."""
    image = read_intensities(path)
    voxels = array(image)
    if voxels.min() == voxels.max():
        raise InputError(f"{path} is constant ({voxels.min():g} everywhere); give an image that shows something.")
    return image


def read_labels(path: str | Path, image: sitk.Image) -> sitk.Image:
    """The label map in `path`, of an integer type, on its own grid, which meets that of `image`."""
    labels = read_label_map(path)
    check_overlap(labels, image, path)
    return labels


def read_label_map(path: str | Path) -> sitk.Image:
    """The label map in `path`, of an integer type."""
    return whole_numbers(read_image(path), path)


def whole_numbers(labels: sitk.Image, path: str | Path) -> sitk.Image:
    """`labels` of an integer type; raises `InputError` if they are not whole."""
    if "float" not in labels.GetPixelIDTypeAsString():
        return labels
    check_finite(labels, path)
    voxels = array(labels)
    broken = voxels[voxels != np.round(voxels)]
    if broken.size:
        raise InputError(f"{path} holds the label {broken[0]:g}; give a label map of whole numbers.")
    whole: sitk.Image = sitk.Cast(labels, sitk.sitkInt32)
    return whole


def read_mask(path: str | Path, image: sitk.Image) -> sitk.Image:
    """The mask in `path`, uint8: 1 where the file is above 0."""
    mask = read_companion(path, image)
    check_finite(mask, path)
    binary: sitk.Image = sitk.Cast(mask > 0, sitk.sitkUInt8)
    if not array(binary).any():
        raise InputError(f"{path} is an empty mask (no voxel above 0); give a mask with voxels, or none.")
    return binary


def read_channel(path: str | Path, image: sitk.Image) -> sitk.Image:
    """The image in `path` as float32, which lies with `image`."""
    channel = read_intensities(path)
    check_overlap(channel, image, path)
    return channel


def read_companion(path: str | Path, image: sitk.Image) -> sitk.Image:
    companion = read_image(path)
    check_overlap(companion, image, path)
    return companion


def check_finite(image: sitk.Image, path: str | Path) -> None:
    count = int((~np.isfinite(array(image))).sum()) or non_finite_voxels(expanded(path))
    if count:
        raise InputError(f"{path} has {count} NaN or infinite voxels; replace them by the value of the background.")


def check_dimension(moving: sitk.Image, fixed: sitk.Image, moving_path: str | Path, fixed_path: str | Path) -> None:
    if moving.GetDimension() != fixed.GetDimension():
        sizes = f"{moving_path} is {moving.GetDimension()}-D and {fixed_path} {fixed.GetDimension()}-D"
        raise InputError(f"{sizes}; give two images of the same dimension.")


def check_overlap(companion: sitk.Image, image: sitk.Image, path: str | Path) -> None:
    """Raise `InputError` unless `companion` and `image` share space; their grids may differ."""
    if companion.GetDimension() != image.GetDimension():
        dimensions = f"{companion.GetDimension()}-D but its image {image.GetDimension()}-D"
        raise InputError(f"{path} is {dimensions}; give a file of the same dimension.")
    if not share_space(companion, image):
        raise InputError(f"{path} lies completely outside its image; check its origin, spacing and direction.")


def share_space(companion: sitk.Image, image: sitk.Image) -> bool:
    """Whether the box of `companion` meets that of `image`, along each axis of `image`."""
    corners = product(*((-0.5, n - 0.5) for n in companion.GetSize()))
    points = (companion.TransformContinuousIndexToPhysicalPoint(corner) for corner in corners)
    indices = np.array([image.TransformPhysicalPointToContinuousIndex(point) for point in points])
    return bool(np.all(indices.max(0) > -0.5) and np.all(indices.min(0) < np.array(image.GetSize()) - 0.5))

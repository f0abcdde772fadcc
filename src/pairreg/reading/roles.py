"""What an image, a label map, a mask or a channel has to be before it is used."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.geometry import SAME, array, discrepancy, matrix_of
from pairreg.reading.any_format import read
from pairreg.reading.label_map import looks_like_labels, whole_numbers
from pairreg.reading.notes import ImageFile
from pairreg.reading.padding import with_padding

WIDER = 4.0  # times: fields of view that differ by more hardly belong together


def read_intensities(path: str | Path, series: str | None = None) -> ImageFile:
    """The image in `path` as float32; its intensities are finite."""
    return float_image(read(path, series))


def float_image(file: ImageFile) -> ImageFile:
    """`file` as float32; its intensities are finite."""
    check_finite(file.image, file.path)
    return replace(file, image=sitk.Cast(file.image, sitk.sitkFloat32))


def read_varying(path: str | Path, series: str | None = None) -> ImageFile:
    """`read_intensities` of an image that is not constant, with its padding."""
    return varying(with_padding(read_intensities(path, series)))


def varying(file: ImageFile) -> ImageFile:
    """`file`, whose image is not constant beside its padding."""
    voxels = array(file.image)
    if file.padding is not None:
        voxels = voxels[array(file.padding) == 0]
    if voxels.size == 0 or voxels.min() == voxels.max():
        values = "padding" if voxels.size == 0 else f"{voxels.min():g}"
        raise InputError(f"{file.path} is constant ({values} everywhere); give an image that shows something.")
    return file


def read_label_map(path: str | Path) -> ImageFile:
    """The label map in `path`, of an integer type."""
    return label_map(read(path, labels=True))


def label_map(file: ImageFile) -> ImageFile:
    """`file` as a label map of an integer type."""
    check_finite(file.image, file.path)
    return whole_numbers(file)


def read_labels(path: str | Path, image: ImageFile, voxelwise: bool = False) -> ImageFile:
    """The label map in `path`, of an integer type, where `companion` puts it."""
    return companion(read_label_map(path), image, voxelwise)


def read_mask(path: str | Path, image: ImageFile, voxelwise: bool = False) -> ImageFile:
    """The mask in `path`, uint8: 1 where the file is above 0, where `companion` puts it."""
    return companion(mask_of(read(path, labels=True)), image, voxelwise)


def mask_of(file: ImageFile) -> ImageFile:
    """`file` as a mask, uint8: 1 where it is above 0, which is not nowhere."""
    check_finite(file.image, file.path)
    binary: sitk.Image = sitk.Cast(file.image > 0, sitk.sitkUInt8)
    if not array(binary).any():
        raise InputError(f"{file.path} is an empty mask (no voxel above 0); give a mask with voxels, or none.")
    return replace(file, image=binary)


def read_channel(path: str | Path, image: ImageFile, labels: bool | None = None) -> ImageFile:
    """The image in `path`, which lies with `image`: float32, or a label map of an integer type.

    `labels` says which; None: an integer type whose neighbours mostly are equal is a label map.
    """
    if labels is None:
        found = read(path)
        labels = looks_like_labels(found.image)
    return companion(read_label_map(path) if labels else read_intensities(path), image)


def companion(file: ImageFile, image: ImageFile, voxelwise: bool = False) -> ImageFile:
    """`file` on its own grid, which has to meet that of `image`, with a warning if it looks as if it should be that.

    `voxelwise`: a file of the size of `image` lies on its grid, whatever its header says.
    """
    if voxelwise and file.image.GetSize() == image.image.GetSize():
        return replace(file, image=geometry.image(array(file.image), image.image))
    check_overlap(file.image, image.image, file.path)
    if file.image.GetSize() != image.image.GetSize():
        return file
    apart = discrepancy(matrix_of(image.image), matrix_of(file.image), image.image.GetSize())
    if apart <= SAME:
        return file
    said = f"{file.path} has as many voxels as {image.path} but lies up to {apart:.3g} voxels beside it"
    return replace(file, warnings=(*file.warnings, f"{said}: if they should be one grid, correct a header."))


def check_finite(image: sitk.Image, path: str | Path) -> None:
    count = int((~np.isfinite(array(image))).sum()) if "float" in image.GetPixelIDTypeAsString() else 0
    if count:
        raise InputError(f"{path} has {count} NaN or infinite voxels; replace them by the value of the background.")


def check_dimension(moving: ImageFile, fixed: ImageFile) -> None:
    if moving.image.GetDimension() != fixed.image.GetDimension():
        sizes = f"{moving.path} is {moving.image.GetDimension()}-D and {fixed.path} {fixed.image.GetDimension()}-D"
        raise InputError(f"{sizes}; give two images of the same dimension.")


def field_of_view_warning(fixed: ImageFile, moving: ImageFile) -> tuple[str, ...]:
    """A warning if only one image is a picture without a resolution, or if they differ by more than 4 times in width.

    The pixels of such a picture, 1 mm, are only 2.8 and 3.8 times as wide as those at the usual 72 and 96 dpi.
    """
    if fixed.sized != moving.sized and fixed.image.GetSpacing() != moving.image.GetSpacing():
        bare, other = (fixed, moving) if moving.sized else (moving, fixed)
        pixel = "×".join(f"{h:.3g}" for h in other.image.GetSpacing())
        said = f"{bare.path} has no resolution, so that its pixels count as 1 mm wide, but {other.path} has {pixel} mm"
        return (f"{said}: give both a resolution or none, if both should show the same.",)
    widths = [extent(file.image) for file in (fixed, moving)]
    if (np.maximum(*widths) <= WIDER * np.minimum(*widths)).all():
        return ()
    first, second = ("×".join(f"{w:.3g}" for w in width) for width in widths)
    said = f"{moving.path} is {second} mm wide and {fixed.path} {first} mm"
    return (f"{said}: check the units and voxel sizes, if both should show the same.",)


def extent(image: sitk.Image) -> np.ndarray:
    """The widths in mm along the axes of the world."""
    corners = product(*((-0.5, n - 0.5) for n in image.GetSize()))
    return np.asarray(np.ptp([image.TransformContinuousIndexToPhysicalPoint(corner) for corner in corners], axis=0))


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

"""One image from a file or a DICOM folder, in 2-D or 3-D."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.reading.dicom import read_series
from pairreg.reading.slices import as_plane

FORMATS = "NIfTI, NRRD, MHA/MHD, TIFF, PNG, or a folder with one DICOM series"
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in other image readers


def read_image(path: str | Path) -> sitk.Image:
    """The scalar image in `path`, in its own pixel type; a volume with one slice becomes 2-D.

    8-bit colour becomes luminance (float32). Raises
    `InputError` for a file that is missing, cannot be read, has several components per voxel or is not 2-D or 3-D.
    """
    path = existing(path)
    with quiet():
        try:
            image = read_series(path) if path.is_dir() else sitk.ReadImage(str(path))
        except RuntimeError as error:
            raise InputError(f"{path} cannot be read as an image ({reason(error)}); use {FORMATS}.") from error
    return scalar(spatial(image, path), path)


@contextmanager
def quiet() -> Iterator[None]:
    """Without ITK's warnings on stderr, which users cannot tell from errors."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def reason(error: RuntimeError) -> str:
    """The last line of ITK's message, which holds the cause, without its address of a C++ object."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[-1] if lines else "no reason given"
    for mark in ("ERROR:", "): "):
        text = text.rpartition(mark)[2]
    return text.strip().rstrip(".")


def spatial(image: sitk.Image, path: Path) -> sitk.Image:
    """`image` without axes of length 1, if 2 or 3 are left."""
    while image.GetDimension() > 3 and image.GetSize()[-1] == 1:
        image = image[(slice(None),) * (image.GetDimension() - 1) + (0,)]
    if image.GetDimension() == 3 and 1 in image.GetSize():
        image = as_plane(image)
    if image.GetDimension() not in (2, 3) or 1 in image.GetSize():
        size = "×".join(map(str, image.GetSize()))
        raise InputError(f"{path} has the size {size}; give one 2-D or 3-D image, such as one time point.")
    return image


def scalar(image: sitk.Image, path: Path) -> sitk.Image:
    components, kind = image.GetNumberOfComponentsPerPixel(), image.GetPixelIDTypeAsString()
    if components in (3, 4) and image.GetPixelID() == sitk.sitkVectorUInt8:
        return luminance(image)
    if components > 1 or "complex" in kind:
        raise InputError(f"{path} has {components} components per voxel ({kind}); give one scalar image.")
    return image


def luminance(image: sitk.Image) -> sitk.Image:
    channels = (sitk.VectorIndexSelectionCast(image, c, sitk.sitkFloat32) for c in range(3))
    red, green, blue = (weight * channel for weight, channel in zip(LUMINANCE, channels, strict=True))
    grey: sitk.Image = red + green + blue
    return grey

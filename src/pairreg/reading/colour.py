"""One number per voxel from images that have several."""

from pathlib import Path

import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError

LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in other image readers


def grey(image: sitk.Image, path: Path, labels: bool = False) -> sitk.Image:
    """A scalar image as it is, 8-bit colour as luminance (float32), or with `labels` as one of its equal channels."""
    components, kind = image.GetNumberOfComponentsPerPixel(), image.GetPixelIDTypeAsString()
    if components == 1 and "complex" not in kind:
        return image
    if components not in (3, 4) or image.GetPixelID() != sitk.sitkVectorUInt8:
        raise InputError(f"{path} has {components} components per voxel ({kind}); give one scalar image.")
    if not labels:
        return luminance(image)
    values = geometry.array(image)[..., :3]
    if (values != values[..., :1]).any():
        raise InputError(f"{path} has colours, which are no label numbers; give a grey or palette image.")
    return sitk.VectorIndexSelectionCast(image, 0)


def luminance(image: sitk.Image) -> sitk.Image:
    """The brightness of the first three channels, which are red, green and blue; float32."""
    channels = (sitk.VectorIndexSelectionCast(image, c, sitk.sitkFloat32) for c in range(3))
    red, green, blue = (weight * channel for weight, channel in zip(LUMINANCE, channels, strict=True))
    mixed: sitk.Image = red + green + blue
    return mixed

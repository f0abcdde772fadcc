"""Pairs of a patient's CT and a phantom on the grids of Chen et al., Medical Physics 47:6366 (2020).

Their field of view is not published: every image keeps its own, and the phantom lies centred on the CT. The table that
the patient lies on stays in the image.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from naf_prostate.xcat import AIR
from pairreg import geometry
from pairreg.errors import InputError
from pairreg.geometry import resample_to_spacing
from pairreg.pair.pair import Pair
from pairreg.reading.slices import as_plane

SLICE = (384, 384)
VOLUME = (160, 160, 256)


@dataclass(frozen=True)
class PhantomImages:
    """Images on one grid: CT numbers, a label map or None, and channels such as the activity."""

    hu: sitk.Image
    labels: sitk.Image | None
    channels: Mapping[str, sitk.Image]


def volume_pair(name: str, ct: sitk.Image, phantom: PhantomImages) -> Pair:
    """`ct` (fixed) and `phantom` (moving), 3-D in HU, on 160 × 160 × 256 voxels.

    Labels and channels keep the grid of the phantom, since a run interpolates them once, from there.
    """
    return pair_of(name, patient(ct), phantom, VOLUME)


def slice_pair(name: str, ct: sitk.Image, ct_slice: int, phantom: PhantomImages, phantom_slice: int) -> Pair:
    """Two axial slices on 384 × 384 voxels; slices count from 0 at the feet. The rest is as in `volume_pair`."""
    labels = None if phantom.labels is None else axial(phantom.labels, phantom_slice, "the phantom")
    channels = {key: axial(image, phantom_slice, "the phantom") for key, image in phantom.channels.items()}
    plane = PhantomImages(axial(phantom.hu, phantom_slice, "the phantom"), labels, channels)
    return pair_of(name, axial(patient(ct), ct_slice, "the CT"), plane, SLICE)


def patient(ct: sitk.Image) -> sitk.Image:
    """With axes along L, P and S, and without the values below air that scanners write outside their circle."""
    return sitk.Clamp(sitk.DICOMOrient(ct, "LPS"), lowerBound=AIR)


def axial(image: sitk.Image, number: int, what: str) -> sitk.Image:
    if not 0 <= number < image.GetDepth():
        raise InputError(f"{what} has no slice {number}; give one of 0 (feet) to {image.GetDepth() - 1}.")
    return as_plane(image[:, :, number : number + 1])


def pair_of(name: str, fixed: sitk.Image, phantom: PhantomImages, size: tuple[int, ...]) -> Pair:
    return Pair(
        name=name,
        fixed=on_grid(fixed, size),
        moving=on_grid(centred(phantom.hu, fixed), size),
        moving_labels=None if phantom.labels is None else centred(phantom.labels, fixed),
        channels={key: centred(image, fixed) for key, image in phantom.channels.items()},
    )


def on_grid(image: sitk.Image, size: tuple[int, ...]) -> sitk.Image:
    """`image` on `size` voxels over its field of view, smoothed first where they are coarser than its own."""
    return resample_to_spacing(image, np.array(image.GetSpacing()) * image.GetSize() / size)


def centred(image: sitk.Image, on: sitk.Image) -> sitk.Image:
    result = sitk.Image(image)
    result.SetOrigin(geometry.centred_origin(image, on))
    return result

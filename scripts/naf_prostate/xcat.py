"""Volumes of the XCAT phantom: raw float32 files and the log beside them.

XCAT (dxcat2) writes `NAME_atn_1.bin` (attenuation in 1/pixel), `NAME_act_1.bin` (activity; organ numbers with
`color_code = 1`) and `NAME_log`. Voxels are little-endian float32, x fastest, then y, then z. In the words of its
sample parameter file, x runs from the right side of the body to the left, y from the front to the back and z from the
feet to the head: LPS, as in DICOM, so nothing is flipped.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.reading.roles import check_finite

AIR = -1000.0  # HU
MU_WATER = 0.1538  # 1/cm at 140 keV, as in phantom/tissues.yaml
SOFT_TISSUE = 200.0  # HU: between -this and this lies the median of any part of the body that is not all lung
LENGTHS = ("pixel width", "slice width")  # keys of the log, in cm
COUNTS = ("array_size", "starting slice number", "ending slice number")
WATER = r"Linear Attenuation Coefficients \(1/pixel\):.*?Body \(water\)"


@dataclass(frozen=True)
class Header:
    """`size` in voxels and `spacing` in mm, x first; `mu_water` in the unit of the attenuation volume."""

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    mu_water: float


def header_of(size: tuple[int, int, int], spacing: tuple[float, float, float], mu_water: float | None) -> Header:
    """The header of a volume whose log is lost; water is by default that at 140 keV, per pixel as XCAT has it."""
    water = MU_WATER * spacing[0] / 10 if mu_water is None else mu_water
    if not (min(size) > 1 and 0 < min(spacing) <= max(spacing) < np.inf and 0 < water < np.inf):
        values = f"size {size}, spacing {spacing}, mu of water {water:g}"
        raise InputError(f"the phantom has {values}; give numbers above 0, and more than one voxel along each axis.")
    return Header(size, spacing, water)


def read_log(path: str | Path, mu_water: float | None = None) -> Header:
    """What the log of XCAT says; `mu_water` replaces its water. Raises `InputError` for a missing or impossible value.

    Its lines were taken from programs that read them: `pixel width =  0.3125 (cm/pixel)`, `slice width = ...`,
    `array_size = 256`, `starting slice number = 1`, `ending slice number = 500`, and `Body (water) = ...` below
    `Linear Attenuation Coefficients (1/pixel):`.
    """
    text = existing(path).read_text(errors="replace")
    value = {key: number(text, rf"^[ \t]*{key}", key, path) for key in (*LENGTHS, *COUNTS)}
    pixel, slices = (10 * value[key] for key in LENGTHS)
    across, first, last = (round(value[key]) for key in COUNTS)
    water = number(text, WATER, "Body (water)", path) if mu_water is None else mu_water
    try:
        return header_of((across, across, last - first + 1), (pixel, pixel, slices), water)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def number(text: str, pattern: str, key: str, path: str | Path) -> float:
    found = re.search(rf"{pattern}[ \t]*=[ \t]*(\d+\.?\d*(?:[eE][-+]?\d+)?)", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise InputError(f"{path} has no line '{key} = NUMBER'; give the log that XCAT wrote beside the volume.")
    return float(found[1])


def read_volume(path: str | Path, header: Header) -> sitk.Image:
    """The voxels of a raw file as they are (float32), LPS, the first one at the origin.

    Raises `InputError` for a file of another size, and for voxels that are not finite.
    """
    path = existing(path)
    expected, found = 4 * int(np.prod(header.size)), path.stat().st_size
    if found != expected:
        size = "×".join(map(str, header.size))
        raise InputError(f"{path} has {found} bytes, not {expected} = 4 × {size}; give float32 voxels of this size.")
    voxels = np.fromfile(path, dtype="<f4").astype(np.float32)
    image = sitk.GetImageFromArray(voxels.reshape(header.size[::-1]))
    image.SetSpacing(header.spacing)
    check_finite(image, path)
    return image


def hounsfield(attenuation: sitk.Image, header: Header, path: str | Path) -> sitk.Image:
    """HU = 1000 (mu / mu of water - 1).

    Raises `InputError` if half of the body is far from water: then the unit or the energy is another one.
    """
    image: sitk.Image = attenuation * (-AIR / header.mu_water) + AIR
    voxels = sitk.GetArrayFromImage(image)
    body = voxels[voxels > AIR]
    middle = float(np.median(body)) if body.size else AIR
    if abs(middle) > SOFT_TISSUE:
        water = f"with {header.mu_water:g} for water its body has a median of {middle:.0f} HU"
        raise InputError(f"{path}: {water}; give the mu of water in the unit and at the energy of this file.")
    return image

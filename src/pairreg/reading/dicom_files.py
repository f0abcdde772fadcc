"""The header of every DICOM file of a folder, as far as it says where and how pixels lie."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pairreg.errors import InputError
from pairreg.reading.contents import AGAIN, check_length, raw_bytes
from pairreg.reading.format_of import BARE_DICOM
from pairreg.reading.grid import SNAPPED
from pairreg.reading.notes import refusing_damage

HEAD = 132  # bytes: the preamble, and the letters DICM
IMAGE = "Image Storage"  # in the names of the classes that have pixels
UNNAMED = "no SeriesInstanceUID"
SIZES = ("PixelSpacing", "ImagerPixelSpacing", "ImagePlanePixelSpacing", "NominalScannedPixelSpacing")  # best first
CENTIMETRES = 3  # code of a unit of ultrasound regions
UNITS = {"BQML": "Bq/ml", "GML": "g/ml", "CNTS": "counts", "US": "", "UNSPECIFIED": ""}  # in words


@dataclass(frozen=True, eq=False)
class Slice:
    """A file with pixels, or a frame of one.

    `position` (3,), `orientation` (2, 3): ImagePositionPatient and ImageOrientationPatient, if it has them.
    `spacing`: between rows and between columns, mm; 1 unless the header says (`sized`). `rescaling`: slope and
    intercept. `inverted`: what ITK subtracts stored values from; None where it does not. `padding`: the lowest and
    highest stored value that stand for no measurement. `unit`: of the rescaled values, such as HU; empty if it says
    none. `framed`: places and pixels are those of frames, even if it has one only. `mosaic`: its tiles are slices.
    """

    path: Path
    series: str
    description: str
    rows: int
    columns: int
    frames: int
    position: np.ndarray | None
    orientation: np.ndarray | None
    spacing: tuple[float, ...]
    sized: bool
    rescaling: tuple[float, float]
    inverted: int | None
    padding: tuple[float, float] | None
    unit: str
    framed: bool
    mosaic: bool

    def check(self) -> None:
        """Raise `InputError` for numbers of the header that cannot be meant, and for a mosaic."""
        if self.mosaic:
            raise InputError(f"{self.path} is a mosaic, whose tiles are slices; convert it to a volume by dcm2niix.")
        position = () if self.position is None else tuple(self.position)
        for what, numbers, counts, above in (
            ("position", position, (0, 3), -math.inf),
            ("spacing of pixels", self.spacing, (2,), 0.0),
            ("slope and intercept", self.rescaling, (2,), -math.inf),
        ):
            if len(numbers) not in counts or not all(math.isfinite(x) and x > above for x in numbers):
                given, kind = ", ".join(f"{x:g}" for x in numbers), "positive" if above == 0 else "finite"
                raise InputError(f"{self.path} has ({given}) as its {what}; give {counts[-1]} {kind} numbers.")

    def as_stored(self, values: np.ndarray) -> np.ndarray:
        """Rescaled `values` of ITK without its inversion of MONOCHROME1, which is about how they are shown.

        ITK inverts the stored values before it rescales them.
        """
        if self.inverted is None:
            return values
        slope, intercept = self.rescaling
        return (slope * self.inverted + 2 * intercept - values).astype(values.dtype)

    def is_padding(self, values: np.ndarray) -> np.ndarray:
        """Where rescaled `values` are padding."""
        if self.padding is None:
            return np.zeros(values.shape, bool)
        slope, intercept = self.rescaling
        low, high = sorted(slope * x + intercept for x in self.padding)
        return (values >= low - abs(slope) / 4) & (values <= high + abs(slope) / 4)

    def axes(self) -> np.ndarray:
        """Where rows, columns and slices lead, `(3, 3)`: vectors of length 1, though a file may have rounded cosines.

        Raises `InputError` for cosines that are none.
        """
        assert self.orientation is not None
        lengths = np.linalg.norm(self.orientation, axis=1)
        if not (np.abs(lengths - 1) <= SNAPPED).all():
            cosines = ", ".join(f"{cosine:g}" for cosine in self.orientation.ravel())
            raise InputError(f"{self.path} has the ImageOrientationPatient {cosines}; give two directions of length 1.")
        across, down = self.orientation / lengths[:, None]
        normal = np.cross(across, down)
        return np.stack([across, down, normal / np.linalg.norm(normal)])

    def corners(self) -> np.ndarray:
        """The centres of three corner pixels `(3, 3)` in LPS mm: the first, the end of its row, of its column."""
        assert self.position is not None
        across, down, _ = self.axes()
        row, column = across * self.spacing[1] * (self.columns - 1), down * self.spacing[0] * (self.rows - 1)
        return np.stack([self.position, self.position + row, self.position + column])


def slices_in(folder: Path) -> list[Slice]:
    """The DICOM images in a folder by name; what is no DICOM does not count unless its name says that it should be.

    Raises `InputError` for a file that is damaged: a stack without its first or last slice looks sound.
    """
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    dicom = {file: is_dicom(file) for file in files}
    endings = {ending(file) for file, yes in dicom.items() if yes} | {".dcm"}
    for file, yes in dicom.items():
        if not yes and ending(file) in endings:
            raise InputError(f"{file} is no DICOM file or damaged, though it is named as one; {AGAIN}, or remove it.")
    found = [look(file) for file, yes in dicom.items() if yes]
    return [one for one in found if one is not None]


def is_dicom(file: Path) -> bool:
    head = raw_bytes(file, HEAD)
    return head[128:] == b"DICM" or head.startswith(BARE_DICOM)


def ending(file: Path) -> str:
    """The ending of a name; numbers behind a point, as in a UID, are none."""
    suffix = file.suffix.lower()
    return "" if suffix[1:].isdecimal() or file.name.upper() == "DICOMDIR" else suffix


def look(file: Path) -> Slice | None:
    """What the header of a DICOM file says; None if it has no pixels. Raises `InputError` if the file is cut off."""
    import pydicom

    with refusing_damage(file):
        header = pydicom.dcmread(file, force=True)
        if has_pixels(header, file):
            check_pixels(header, file)
            return slice_of(header, file)
        return None


def has_pixels(header: Any, file: Path) -> bool:
    """Whether a file is an image; raises `InputError` for one that says so but ends before its pixels."""
    if "PixelData" in header and "Rows" in header:
        return True
    kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    if "FloatPixelData" in header or "DoubleFloatPixelData" in header:
        raise InputError(f"{file} has floating-point pixels, which are not read from DICOM; convert it to NIfTI.")
    if kind is None or IMAGE in kind.name or "Rows" in header:
        raise InputError(f"{file} is cut off (its pixels are missing); {AGAIN}.")
    return False  # a report, a plan, a DICOMDIR


def check_pixels(header: Any, file: Path) -> None:
    """Raise `InputError` if pixels that are not compressed are fewer than the header says."""
    if header.file_meta.get("TransferSyntaxUID") is not None and header.file_meta.TransferSyntaxUID.is_compressed:
        return
    bits = int(header.BitsAllocated) * int(header.get("SamplesPerPixel", 1))
    count = int(header.Rows) * int(header.Columns) * int(header.get("NumberOfFrames") or 1)
    check_length(file, len(header.PixelData), count * bits // 8)


def slice_of(header: Any, file: Path) -> Slice:
    position, orientation = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    spacing = next((header.get(key) for key in SIZES if header.get(key)), None) or ultrasound_spacing(header)
    frames = int(header.get("NumberOfFrames") or 1)
    return Slice(
        path=file,
        series=str(header.get("SeriesInstanceUID", UNNAMED)),
        description=str(header.get("SeriesDescription") or header.get("Modality") or ""),
        rows=int(header.Rows),
        columns=int(header.Columns),
        frames=frames,
        position=np.array(position, float) if position else None,
        orientation=np.array(orientation, float).reshape(2, 3) if orientation else None,
        spacing=tuple(float(h) for h in spacing or (1, 1)),
        sized=spacing is not None,
        rescaling=rescaling_of(header),
        inverted=inverted_from(header),
        padding=padding_of(header),
        unit=unit_of(header),
        # of what one frame has for itself ITK knows nothing, and single bits are 255 to it
        framed=frames > 1 or "PerFrameFunctionalGroupsSequence" in header or int(header.BitsAllocated) == 1,
        mosaic=frames == 1 and "MOSAIC" in image_type(header),
    )


def image_type(header: Any) -> list[str]:
    """The words of ImageType."""
    found = header.get("ImageType") or []
    return [found] if isinstance(found, str) else [str(word) for word in found]


def ultrasound_spacing(header: Any) -> tuple[float, float] | None:
    """Between rows and between columns, mm, by the region of an ultrasound image.

    None unless there is one region alone, in cm, that covers the image: the scale of others is not that of all pixels.
    """
    regions = header.get("SequenceOfUltrasoundRegions") or []
    if len(regions) != 1 or not covers(regions[0], int(header.Rows), int(header.Columns)):
        return None
    if any(regions[0].get(f"PhysicalUnits{axis}Direction") != CENTIMETRES for axis in "XY"):
        return None
    across, down = (10 * abs(float(regions[0].get(f"PhysicalDelta{axis}", 0))) for axis in "XY")
    return (down, across) if across and down else None


def covers(region: Any, rows: int, columns: int) -> bool:
    """Whether an ultrasound region has all pixels in it."""
    first = [region.get(f"RegionLocationMin{axis}0") for axis in "XY"]
    last = [region.get(f"RegionLocationMax{axis}1") for axis in "XY"]
    if None in first + last:
        return False
    return max(first) <= 0 and last[0] >= columns - 1 and last[1] >= rows - 1


def inverted_from(header: Any) -> int | None:
    """What ITK subtracts stored values from: the highest that is possible, -1 if they have a sign, of MONOCHROME1."""
    if header.get("PhotometricInterpretation") != "MONOCHROME1":
        return None
    return -1 if header.get("PixelRepresentation") else 2 ** int(header.BitsStored) - 1


def rescaling_of(header: Any) -> tuple[float, float]:
    """Slope and intercept from stored values to intensities."""
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    return float(1 if slope is None else slope), float(0 if intercept is None else intercept)


def padding_of(header: Any) -> tuple[float, float] | None:
    """The lowest and highest stored value that are padding (PixelPaddingValue, PixelPaddingRangeLimit)."""
    value = header.get("PixelPaddingValue")
    if value is None:
        return None
    limit = header.get("PixelPaddingRangeLimit")
    both = float(value), float(value if limit is None else limit)
    return min(both), max(both)


def unit_of(header: Any) -> str:
    """The unit of the values, such as HU; empty if the header does not say."""
    said = str(header.get("Units") or header.get("RescaleType") or "")
    return UNITS.get(said.upper(), said) or ("HU" if header.get("Modality") == "CT" else "")

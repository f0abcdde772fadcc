"""DICOM files as scanners and their exports write them, by pydicom."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1.0, 0, 0, 0, 1, 0)
ROWS, COLUMNS = 5, 6


def stack(count: int = 7, seed: int = 0) -> np.ndarray:
    """Stored values `(slices, rows, columns)`, int16."""
    return np.random.default_rng(seed).integers(0, 2000, (count, ROWS, COLUMNS)).astype(np.int16)


def dataset(pixels: np.ndarray, uid: str, **elements: Any) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = elements.pop("SOPClassUID", CTImageStorage)
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.Modality, made.SeriesInstanceUID, made.StudyInstanceUID = "CT", uid, "1.2.3"
    made.Rows, made.Columns = pixels.shape[-2:]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, int(pixels.dtype.kind == "i")
    for key, value in elements.items():
        setattr(made, key, value)
    made.PixelData = pixels.tobytes()
    return made


def write_series(
    folder: Path,
    pixels: np.ndarray,
    positions: np.ndarray | None = None,
    uid: str = "1.2.3.4",
    name: str = "{:03d}.dcm",
    each: list[dict[str, Any]] | None = None,
    **elements: Any,
) -> list[Path]:
    """A file per slice; `each[i]` are elements of slice `i`."""
    folder.mkdir(exist_ok=True)
    if positions is None:
        positions = np.array([(-10.0, -20.0, 3.0 * i) for i in range(len(pixels))])
    paths = []
    for i, (plane, position) in enumerate(zip(pixels, positions, strict=True)):
        placed = {"ImagePositionPatient": list(position), "ImageOrientationPatient": list(AXIAL)}
        own = {"PixelSpacing": [0.8, 0.5], "InstanceNumber": i + 1, **placed, **elements, **(each[i] if each else {})}
        paths.append(folder / name.format(i))
        dataset(plane, uid, **own).save_as(paths[-1], enforce_file_format=True)
    return paths


def write_frames(
    path: Path,
    pixels: np.ndarray,
    positions: np.ndarray,
    slopes: list[float] | None = None,
    orientation: tuple[float, ...] = AXIAL,
) -> Path:
    """An enhanced multi-frame CT; frame `i` at `positions[i]`."""
    made = dataset(pixels, "1.2.3.5", SOPClassUID=EnhancedCTImageStorage, NumberOfFrames=len(pixels))
    shared, groups = Dataset(), []
    shared.PixelMeasuresSequence = Sequence([item(PixelSpacing=[0.8, 0.5], SliceThickness=3.0)])
    shared.PlaneOrientationSequence = Sequence([item(ImageOrientationPatient=list(orientation))])
    for i, position in enumerate(positions):
        group = item(PlanePositionSequence=Sequence([item(ImagePositionPatient=list(position))]))
        scaling = item(RescaleSlope=slopes[i] if slopes else 1, RescaleIntercept=-5 if slopes else 0, RescaleType="HU")
        group.PixelValueTransformationSequence = Sequence([scaling])
        groups.append(group)
    made.SharedFunctionalGroupsSequence = Sequence([shared])
    made.PerFrameFunctionalGroupsSequence = Sequence(groups)
    made.save_as(path, enforce_file_format=True)
    return path


def write_dose(
    path: Path,
    pixels: np.ndarray,
    first: np.ndarray,
    step: float,
    orientation: tuple[float, ...] = AXIAL,
    **elements: Any,
) -> Path:
    """A dose in mGy whose frame `i` lies `i` times `step` mm along the normal from `first`."""
    own = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2",
        "NumberOfFrames": len(pixels),
        "DoseGridScaling": 0.001,
        "Modality": "RTDOSE",
        "PixelSpacing": [0.8, 0.5],
        "ImagePositionPatient": list(first),
        "ImageOrientationPatient": list(orientation),
        "GridFrameOffsetVector": [step * i for i in range(len(pixels))],
    }
    made = dataset(pixels, "1.2", **(own | elements))
    made.save_as(path, enforce_file_format=True)
    return path


def item(**elements: Any) -> Dataset:
    made = Dataset()
    for key, value in elements.items():
        setattr(made, key, value)
    return made


def pydicom_volume(paths: list[Path]) -> np.ndarray:
    """What pydicom reads of slices in this order: stored values times slope plus intercept."""
    planes = []
    for path in paths:
        one = pydicom.dcmread(path)
        slope, intercept = float(one.get("RescaleSlope", 1)), float(one.get("RescaleIntercept", 0))
        planes.append(one.pixel_array * slope + intercept)
    return np.stack(planes)

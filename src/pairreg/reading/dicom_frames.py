"""A DICOM file with several frames, such as enhanced CT and MR, in the order of their positions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.foreign_messages import reason
from pairreg.reading.dicom_files import Slice
from pairreg.reading.dicom_stack import place, sorted_stack
from pairreg.reading.itk_formats import itk_image
from pairreg.reading.notes import ImageFile, Notes, refusing_damage


def read(whole: Slice, notes: Notes) -> ImageFile:
    """The frames of one file as a volume; raises `InputError` unless they form one straight stack."""
    import pydicom

    with refusing_damage(whole.path):
        header = pydicom.dcmread(whole.path, force=True)
        frames = frames_of(header, whole)
    if frames is None:
        return without_positions(header, whole, notes)
    for one in frames:
        one.check()
    ordered = sorted_stack(frames, whole.path)
    stored = pixels(header, whole)[[frames.index(one) for one in ordered]]
    marked = np.stack([one.is_padding(rescaled(p, one)) for one, p in zip(ordered, stored, strict=True)])
    if any(one.rescaling != (1, 0) for one in ordered):
        stored = np.stack([rescaled(plane, one) for one, plane in zip(ordered, stored, strict=True)])
    image = on_grid(stored, ordered)
    if not marked.any():
        return notes.of(image)
    notes.repair(f"has {marked.mean():.2%} of its voxels at the PixelPaddingValue: left out, as nothing was measured.")
    return notes.of(image, on_grid(marked.astype(np.uint8), ordered))


def rescaled(plane: np.ndarray, one: Slice) -> np.ndarray:
    slope, intercept = one.rescaling
    return plane * slope + intercept


def pixels(header: Any, whole: Slice) -> np.ndarray:
    """The stored values `(frames, rows, columns[, 3])`."""
    try:
        found: np.ndarray = header.pixel_array
    except Exception as error:  # every decoder has its own
        raise InputError(f"{whole.path} cannot be decoded ({reason(error)}); write it uncompressed.") from error
    return found


def frames_of(header: Any, whole: Slice) -> list[Slice] | None:
    """A slice for every frame, named by its number; None if the file does not say where they lie."""
    if len(header.get("PerFrameFunctionalGroupsSequence", ())) == whole.frames:
        shared = header.get("SharedFunctionalGroupsSequence") or [{}]
        groups = header.PerFrameFunctionalGroupsSequence
        return [frame(header, [group, shared[0], header], whole, i + 1) for i, group in enumerate(groups)]
    offsets = header.get("GridFrameOffsetVector")
    if offsets is None or len(offsets) != whole.frames or whole.position is None or whole.orientation is None:
        return None
    normal = whole.axes()[2]
    scale = (float(header.get("DoseGridScaling", 1)), 0.0)
    shifts = np.array([float(x) for x in offsets]) - float(offsets[0])
    return [
        replace(whole, path=named(whole, i + 1), position=whole.position + normal * shift, rescaling=scale, frames=1)
        for i, shift in enumerate(shifts)
    ]


def frame(header: Any, groups: list[Any], whole: Slice, number: int) -> Slice:
    """The slice of one frame; what it does not say itself stands in the groups that all frames share."""

    def item(sequence: str, key: str) -> Any:
        parts = (group[sequence][0] for group in groups[:2] if sequence in group)
        return next((part.get(key) for part in (*parts, header) if part.get(key) is not None), None)

    position, orientation = (
        item("PlanePositionSequence", "ImagePositionPatient"),
        item("PlaneOrientationSequence", "ImageOrientationPatient"),
    )
    slope, intercept = (
        item("PixelValueTransformationSequence", "RescaleSlope"),
        item("PixelValueTransformationSequence", "RescaleIntercept"),
    )
    spacing = item("PixelMeasuresSequence", "PixelSpacing")
    return replace(
        whole,
        path=named(whole, number),
        frames=1,
        position=None if position is None else np.array(position, float),
        orientation=None if orientation is None else np.array(orientation, float).reshape(2, 3),
        spacing=tuple(float(h) for h in spacing) if spacing else whole.spacing,
        sized=whole.sized if spacing is None else True,
        rescaling=(float(1 if slope is None else slope), float(0 if intercept is None else intercept)),
    )


def named(whole: Slice, number: int) -> Path:
    return Path(f"{whole.path.name} frame {number}")


def on_grid(values: np.ndarray, ordered: list[Slice]) -> sitk.Image:
    """`values` `(frames, rows, columns)` where the frames lie."""
    return place(sitk.GetImageFromArray(values, isVector=values.ndim > 3), ordered)


def without_positions(header: Any, whole: Slice, notes: Notes) -> ImageFile:
    """A nuclear medicine volume, whose slices lie by convention in the order of the frames; nothing else."""
    if header.get("Modality") not in ("NM", "PT") or header.get("SpacingBetweenSlices") is None:
        raise InputError(f"{whole.path} has {whole.frames} frames without positions, such as a film; give a volume.")
    notes.warn("does not say on which side its first slice lies: compare it with another image of the patient.")
    return notes.of(itk_image(whole.path, "GDCMImageIO"))

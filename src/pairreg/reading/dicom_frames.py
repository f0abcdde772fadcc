"""DICOM files with frames, such as enhanced CT and MR: several in one file, or one in each.

pydicom reads them: of the headers that frames have for themselves, ITK knows those of some classes only.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.foreign_messages import reason
from pairreg.reading.dicom_files import Slice, image_type
from pairreg.reading.dicom_stack import note_pixel_size, place, sorted_stack
from pairreg.reading.itk_formats import itk_image
from pairreg.reading.notes import ImageFile, Notes, refusing_damage

# of nuclear medicine, the third word of ImageType: what is no volume, or several
NO_VOLUME = ("STATIC", "DYNAMIC", "GATED", "WHOLE BODY", "TOMO", "GATED TOMO", "RECON GATED TOMO")


def read(wholes: Sequence[Slice], notes: Notes) -> ImageFile:
    """The frames of a file, or of files with one each; raises `InputError` unless they form one straight stack."""
    headers, frames = [], []
    for whole in wholes:
        header, found = opened(whole)
        if found is None:
            return without_positions(header, whole, notes)
        headers.append(header)
        frames += found
    for one in frames:
        one.check()
    ordered = sorted_stack(frames, notes.path if len(wholes) > 1 else wholes[0].path) if len(frames) > 1 else frames
    planes = [plane for header, whole in zip(headers, wholes, strict=True) for plane in pixels(header, whole)]
    stored = np.stack([planes[frames.index(one)] for one in ordered])
    marked = np.stack([one.is_padding(rescaled(p, one)) for one, p in zip(ordered, stored, strict=True)])
    if any(one.rescaling != (1, 0) for one in ordered):
        stored = np.stack([rescaled(plane, one) for one, plane in zip(ordered, stored, strict=True)])
    image = on_grid(stored, ordered)
    note_pixel_size(image, ordered[0], notes)
    if not marked.any():
        return notes.of(image)
    notes.repair(f"has {marked.mean():.2%} of its voxels at the PixelPaddingValue: left out, as nothing was measured.")
    return notes.of(image, on_grid(marked.astype(np.uint8), ordered))


def opened(whole: Slice) -> tuple[Any, list[Slice] | None]:
    """The header of a file and its frames."""
    import pydicom

    with refusing_damage(whole.path):
        header = pydicom.dcmread(whole.path, force=True)
        return header, frames_of(header, whole)


def rescaled(plane: np.ndarray, one: Slice) -> np.ndarray:
    slope, intercept = one.rescaling
    return plane * slope + intercept


def pixels(header: Any, whole: Slice) -> np.ndarray:
    """The stored values `(frames, rows, columns[, 3])`."""
    try:
        found: np.ndarray = header.pixel_array
    except Exception as error:  # every decoder has its own
        raise InputError(f"{whole.path} cannot be decoded ({reason(error)}); write it uncompressed.") from error
    return found if whole.frames > 1 else found[np.newaxis]


def frames_of(header: Any, whole: Slice) -> list[Slice] | None:
    """A slice for every frame, named by its number; None if the file does not say where several lie."""
    if len(header.get("PerFrameFunctionalGroupsSequence", ())) == whole.frames:
        shared = header.get("SharedFunctionalGroupsSequence") or [{}]
        groups = header.PerFrameFunctionalGroupsSequence
        return [frame(header, [group, shared[0], header], whole, i + 1) for i, group in enumerate(groups)]
    if whole.frames == 1:
        return [whole]
    offsets = offsets_of(header, whole)
    if offsets is None or len(offsets) != whole.frames or whole.position is None or whole.orientation is None:
        return None
    normal = whole.axes()[2]
    scale = (float(header.DoseGridScaling), 0.0) if "DoseGridScaling" in header else whole.rescaling
    shifts = np.array([float(x) for x in offsets]) - float(offsets[0])
    return [
        replace(whole, path=named(whole, i + 1), position=whole.position + normal * shift, rescaling=scale, frames=1)
        for i, shift in enumerate(shifts)
    ]


def offsets_of(header: Any, whole: Slice) -> Sequence[float] | np.ndarray | None:
    """Where each frame lies along the normal, mm, of a dose or a nuclear medicine volume; None of others."""
    between = between_slices(header, whole)
    return header.get("GridFrameOffsetVector") if between is None else between * np.arange(whole.frames)


def between_slices(header: Any, whole: Slice) -> float | None:
    """The distance in mm of the slices of nuclear medicine, which lie in the order of the frames; None of others.

    It is negative where they lie against the normal. Raises `InputError` for frames that are not one volume.
    """
    between = header.get("SpacingBetweenSlices")
    if header.get("Modality") not in ("NM", "PT") or between is None:
        return None
    kind = "".join(image_type(header)[2:3])
    slices = int(header.get("NumberOfSlices") or whole.frames)
    if kind in NO_VOLUME or slices != whole.frames:
        what = f"{whole.frames} frames of {slices} slices" if slices != whole.frames else f"frames of the kind {kind}"
        raise InputError(f"{whole.path} has {what}, not one volume; give a reconstructed one, of one gate or time.")
    if not math.isfinite(between) or between == 0:
        raise InputError(f"{whole.path} has {between} as its SpacingBetweenSlices; give a distance in mm.")
    return float(between)


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
    return whole.path if whole.frames == 1 else Path(f"{whole.path.name} frame {number}")


def on_grid(values: np.ndarray, ordered: list[Slice]) -> sitk.Image:
    """`values` `(frames, rows, columns)` where the frames lie."""
    return place(sitk.GetImageFromArray(values, isVector=values.ndim > 3), ordered)


def without_positions(header: Any, whole: Slice, notes: Notes) -> ImageFile:
    """A nuclear medicine volume, whose slices lie by convention in the order of the frames; nothing else."""
    between = between_slices(header, whole)
    if between is None:
        raise InputError(f"{whole.path} has {whole.frames} frames without positions, such as a film; give a volume.")
    notes.warn("does not say on which side its first slice lies: compare it with another image of the patient.")
    image = place(itk_image(whole.path, "GDCMImageIO"), [whole])
    if whole.inverted is not None:
        image = geometry.image(whole.as_stored(geometry.array(image)), image)
    image.SetSpacing((*image.GetSpacing()[:2], abs(between)))
    note_pixel_size(image, whole, notes)
    return notes.of(image)

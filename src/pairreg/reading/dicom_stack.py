"""Whether slices form one straight stack: every slice's whole position and orientation against the grid."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.geometry import SAME
from pairreg.reading.dicom_files import Slice
from pairreg.reading.notes import Notes

EVEN = 0.02  # gaps that differ by more of their median are said to be the reason why slices lie off an even grid
APART = 1e-3  # mm: slices that are nearer lie at one position
PARALLEL = 1e-3  # cosines of directions that differ by less are one orientation; the positions have the last word


def sorted_stack(slices: Sequence[Slice], folder: Path) -> list[Slice]:
    """`slices` along their normal; raises `InputError`, with names, if they are not one evenly spaced stack."""
    for one in slices:
        if one.position is None or one.orientation is None:
            raise InputError(f"{folder} has slices without a position, such as {one.path.name}; give one file of them.")
    check_alike(slices, folder)
    normal = slices[0].axes()[2]
    along = np.array([float(one.position @ normal) for one in slices if one.position is not None])
    order = np.argsort(along, kind="stable")
    ordered = [slices[i] for i in order]
    check_gaps(ordered, along[order], folder)
    check_straight(ordered, normal, folder)
    return ordered


def place(image: sitk.Image, ordered: Sequence[Slice]) -> sitk.Image:
    """`image`, a volume of `ordered` slices (or of one), on the grid that their headers describe, as far as they do.

    GDCM knows where an image lies by the class of its file: to others, such as nuclear medicine or an enhanced CT with
    a file for each slice, it gives the origin 0 and a spacing of 1 without a word.
    """
    first, last = ordered[0], ordered[-1]
    across, down, between = image.GetSpacing()
    if first.sized:
        down, across = first.spacing
    if first.position is not None and first.orientation is not None:
        if last.position is not None and len(ordered) > 1:
            between = float(np.linalg.norm(last.position - first.position)) / (len(ordered) - 1)
        image.SetOrigin(first.position.tolist())
        image.SetDirection(first.axes().T.ravel().tolist())
    image.SetSpacing((across, down, between))
    return image


def note_pixel_size(image: sitk.Image, first: Slice, notes: Notes) -> None:
    """Warn where the header of the `first` slice in `image` does not say how large its pixels are."""
    if not first.sized:
        across, down = image.GetSpacing()[:2]
        notes.warn(f"does not say how large its pixels are, which count as {across:g}×{down:g} mm: add a PixelSpacing.")


def check_alike(slices: Sequence[Slice], folder: Path) -> None:
    """Raise `InputError` for slices of several orientations, sizes or pixel spacings."""
    kinds: dict[tuple[float, ...], list[Slice]] = {}
    for one in slices:
        assert one.orientation is not None
        key = next((k for k in kinds if np.abs(one.orientation.ravel() - k).max() < PARALLEL), None)
        kinds.setdefault(tuple(one.orientation.ravel()) if key is None else key, []).append(one)
    refuse_several([f"{count(group)}" for group in kinds.values()], "orientations", folder)
    sizes: dict[str, list[Slice]] = {}
    for one in slices:
        size = f"{one.columns}×{one.rows} pixels of {one.spacing[1]:.6g}×{one.spacing[0]:.6g} mm"
        sizes.setdefault(size, []).append(one)
    refuse_several([f"{count(group)} with {size}" for size, group in sizes.items()], "sizes", folder)


def refuse_several(groups: Sequence[str], what: str, folder: Path) -> None:
    if len(groups) > 1:
        raise InputError(f"{folder} has slices of {len(groups)} {what} ({'; '.join(groups)}); keep those of one.")


def count(group: Sequence[Slice]) -> str:
    name = group[0].path.name
    return name if len(group) == 1 else f"{len(group)} files such as {name}"


def check_gaps(ordered: Sequence[Slice], along: np.ndarray, folder: Path) -> None:
    """Raise `InputError` for missing and repeated slices: they would bend the anatomy without a word.

    Positions that are rounded in a file make gaps that differ, but put no slice 0.1 of a gap off an even grid.
    """
    gaps = np.diff(along)
    if gaps.max() < APART:
        raise InputError(f"{folder} has {len(ordered)} slices at one position; give slices of different positions.")
    if gaps.min() < APART:
        first = int(np.argmin(gaps))
        names = f"{ordered[first].path.name} and {ordered[first + 1].path.name}"
        times = f", {int((gaps < APART).sum())} times in all" if (gaps < APART).sum() > 1 else ""
        raise InputError(f"{folder} has slices at one position ({names}{times}); keep one of each position.")
    off = np.abs(along - np.linspace(along[0], along[-1], len(along))).max()
    if np.ptp(gaps) > EVEN * np.median(gaps) and off > SAME * gaps.mean():
        widest = int(np.argmax(gaps))
        names = f"the widest gap is between {ordered[widest].path.name} and {ordered[widest + 1].path.name}"
        extent = f"{gaps.min():.3g} to {gaps.max():.3g} mm apart ({names})"
        raise InputError(f"{folder} has slices {extent}; give a series without missing or repeated slices.")


def check_straight(ordered: Sequence[Slice], normal: np.ndarray, folder: Path) -> None:
    """Raise `InputError` unless the corners of every slice lie within 0.1 voxel of the grid that ITK makes of them.

    Beside the normal, that is 0.1 of a pixel; along it, 0.1 of the distance between slices. `normal` has the length 1.
    """
    corners = np.stack([one.corners() for one in ordered])
    steps = corners[-1, 0] - corners[0, 0]
    length = steps @ normal
    shift = np.linalg.norm(steps - normal * length)
    finest, gap = min(ordered[0].spacing), length / (len(ordered) - 1)
    if shift > SAME * finest:
        angle = np.degrees(np.arctan2(shift, length))
        raise InputError(
            f"{folder} was taken with a gantry tilted by {angle:.3g}°, so its slices are shifted by {shift:.3g} mm in "
            "all; resample it to a straight grid, such as by dcm2niix or 3-D Slicer."
        )
    apart = corners - corners[0] - normal * gap * np.arange(len(ordered))[:, None, None]
    along = apart @ normal
    beside = np.linalg.norm(apart - normal * along[..., None], axis=-1)
    off = np.maximum(beside / finest, np.abs(along) / gap).max(1)  # voxels
    if off.max() > SAME:
        worst = int(np.argmax(off))
        distance = np.linalg.norm(apart[worst], axis=-1).max()
        raise InputError(
            f"{folder} has slices that form no straight stack ({ordered[worst].path.name} is {distance:.3g} mm off); "
            "give an evenly spaced series, or resample it."
        )

"""One case of an HDF5 file, checked like a pair of files: it may have been written or changed by anybody."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.foreign_messages import last_line
from pairreg.pair.landmark_checks import check_landmarks
from pairreg.pair.pair import InputNote, Pair
from pairreg.pair.parts import CHANNELS, EVALUATED, EVALUATION, IMAGES, POINTS
from pairreg.pair.voxel_points import centres_of_labels, landmark_maps
from pairreg.reading.grid import checked_grid
from pairreg.reading.notes import ImageFile, Notes
from pairreg.reading.roles import check_dimension, check_finite, companion, float_image, label_map, mask_of, varying
from pairreg.validation import one_of, shown

NOTES = "notes"  # repairs and warnings of the files that a case was packed from, by role
GRID = ("Spacing", "Origin", "Direction")  # float64, as SimpleITK has them
SIDES = ("fixed", "moving")
AGAIN = "write it by pairreg-pack"


def read_pair(case: h5py.Group, name: str, file: str) -> Pair:
    """The pair of a case; raises `InputError`, with the name of the part, for what `pairreg-pack` cannot have written.

    Nothing outside of the file is read: links to other files, and data kept in them, are refused.
    """
    where = f"{file}, case {name}"
    members = members_of(case, where)
    for member in members:
        one_of(f"{where}: part", member, (*IMAGES, *POINTS, *CHANNELS, EVALUATION, *EVALUATED))
    images = {role: image_of(members[role], f"{where}, {role}") for role in IMAGES if role in members}
    for role in SIDES:
        if role not in images:
            raise InputError(f"{where} has no {role} image; {AGAIN}.")
        images[role] = varying(float_image(images[role]))
    check_dimension(images["moving"], images["fixed"])
    for side in SIDES:
        for part, checked in (("labels", label_map), ("mask", mask_of)):
            role = f"{side}_{part}"
            if role in images:
                images[role] = companion(checked(images[role]), images[side])
    if EVALUATION in members:
        measured = mask_of(image_of(members[EVALUATION], f"{where}, {EVALUATION}"))
        images[EVALUATION] = companion(measured, images["fixed"])
    parts: dict[str, Any] = {role: file.image for role, file in images.items()}
    parts |= points_of(members, images["fixed"].image.GetDimension(), where)
    parts |= _landmark_maps(members, parts, where)
    pair = Pair(
        name=name,
        **parts,
        channels=channels_of(members, "channels", images["moving"], where),
        fixed_channels=channels_of(members, "fixed_channels", images["fixed"], where),
        label_names=label_names(case, where),
        inputs=notes_of(case, where, file),
    )
    check_landmarks(pair)
    return pair


def members_of(group: h5py.Group, where: str) -> dict[str, h5py.Group | h5py.Dataset]:
    """The groups and datasets in `group` by name; raises `InputError` for links that lead out of it."""
    if not isinstance(group, h5py.Group):
        raise InputError(f"{where} is a dataset, not the group of a case; {AGAIN}.")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise InputError(f"{where}, {name} is a link to another place, which is not followed; {AGAIN}.")
    return {name: group[name] for name in group}


def values_of(dataset: h5py.Group | h5py.Dataset, where: str) -> np.ndarray:
    """The numbers of a dataset that lie in the file itself."""
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{where} is a group, not an array; {AGAIN}.")
    if dataset.external or dataset.is_virtual:
        raise InputError(f"{where} keeps its data in another file, which is not read; {AGAIN}.")
    if dataset.dtype.kind not in "iuf" or dataset.shape is None:
        raise InputError(f"{where} has the type {dataset.dtype}, which is no type of numbers; {AGAIN}.")
    try:
        return np.asarray(dataset[()])
    except OSError as error:  # its compression or checksum says that other bytes are there
        raise InputError(f"{where} is damaged ({last_line(error)}); {AGAIN}.") from error


def image_of(dataset: h5py.Group | h5py.Dataset, where: str) -> ImageFile:
    """An image with its grid."""
    values = values_of(dataset, where)
    n = values.ndim
    if n not in (2, 3) or 0 in values.shape:
        raise InputError(f"{where} has the shape {values.shape}; give one 2-D or 3-D image.")
    if values.dtype.itemsize == 2 and values.dtype.kind == "f":
        raise InputError(f"{where} has the type {values.dtype}, which SimpleITK does not know; {AGAIN}.")
    image = sitk.GetImageFromArray(values.astype(values.dtype.newbyteorder("="), copy=False))
    for key, count in zip(GRID, (n, n, n * n), strict=True):
        numbers = np.asarray(dataset.attrs.get(key, ()))
        finite = numbers.dtype.kind in "iuf" and np.isfinite(numbers).all()
        if numbers.shape != (count,) or not finite or (key == "Spacing" and not (numbers > 0).all()):
            raise InputError(f"{where} has the attribute {key} {numbers.tolist()}; give {count} numbers, or {AGAIN}.")
        getattr(image, f"Set{key}")(numbers.astype(float).tolist())
    notes = Notes(Path(where))
    file = notes.of(checked_grid(image, notes))
    check_finite(file.image, file.path)
    return file


def channels_of(members: Mapping[str, Any], role: str, image: ImageFile, where: str) -> dict[str, sitk.Image]:
    """The channels of one side, which lie with its `image`."""
    channels = members_of(members[role], f"{where}, {role}") if role in members else {}
    return {
        name: companion(image_of(dataset, f"{where}, {role}/{name}"), image).image for name, dataset in channels.items()
    }


def points_of(members: Mapping[str, Any], ndim: int, where: str) -> dict[str, np.ndarray]:
    """The landmarks of both images, or none."""
    found = {role: values_of(members[role], f"{where}, {role}") for role in POINTS if role in members}
    for role, points in found.items():
        if points.ndim != 2 or points.shape[1] != ndim or points.size == 0 or not np.isfinite(points).all():
            raise InputError(f"{where}, {role} has the shape {points.shape}; give finite points of {ndim} coordinates.")
    if len({len(points) for points in found.values()}) > 1 or len(found) == 1:
        raise InputError(f"{where} has not the same number of fixed and moving landmarks; {AGAIN}.")
    return {role: points.astype(np.float64) for role, points in found.items()}


def _landmark_maps(members: Mapping[str, Any], parts: Mapping[str, Any], where: str) -> dict[str, sitk.Image]:
    """The maps of the landmarks of both images, or none; `parts`: the images and landmarks of the case."""
    names = {side: f"{where}, {role}" for side, role in zip(SIDES, EVALUATED, strict=True)}
    present = {side: members[role] for side, role in zip(SIDES, EVALUATED, strict=True) if role in members}
    if not present:
        return {}
    if len(present) < len(SIDES):
        raise InputError(f"{where} has the map of the landmarks of one image only; {AGAIN}.")
    maps = {side: label_map(image_of(dataset, names[side])).image for side, dataset in present.items()}
    found = landmark_maps(maps, {side: parts[side] for side in SIDES}, names)
    if POINTS[0] not in parts or len(centres_of_labels(found["fixed"])) != len(parts[POINTS[0]]):
        raise InputError(f"{where} has not as many landmarks as its maps of landmarks have labels; {AGAIN}.")
    return dict(zip(EVALUATED, (found[side] for side in SIDES), strict=True))


def label_names(case: h5py.Group, where: str) -> dict[int, str]:
    names = attribute(case, "label_names", where, {})
    try:
        return {int(key): str(value) for key, value in names.items()}
    except ValueError:
        raise InputError(f"{where} has label_names that begin with no number ({shown(names)}); {AGAIN}.") from None


def notes_of(case: h5py.Group, where: str, file: str) -> dict[str, InputNote]:
    """The repairs and warnings of the files that a case was packed from, as notes of `file`."""
    found = attribute(case, NOTES, where, {})
    try:
        return {
            role: InputNote.of(file, [*map(str, repairs)], [*map(str, warnings)])
            for role, (repairs, warnings) in found.items()
        }
    except (TypeError, ValueError):
        raise InputError(f"{where} has {NOTES} other than two lists of each file ({shown(found)}); {AGAIN}.") from None


def attribute(case: h5py.Group, key: str, where: str, missing: dict[str, Any]) -> dict[str, Any]:
    """The object that an attribute holds as JSON."""
    try:
        found = json.loads(case.attrs.get(key, json.dumps(missing)))
        if isinstance(found, dict):
            return found
    except (ValueError, TypeError, RecursionError):
        pass  # said below, as for JSON that is no object
    raise InputError(f"{where} has the attribute {key} {shown(case.attrs.get(key))}; {AGAIN}.")

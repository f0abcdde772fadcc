"""A pair from files."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pairreg.errors import InputError
from pairreg.pair.landmark_checks import check_inside, check_not_indices
from pairreg.pair.landmarks import read_landmarks
from pairreg.pair.pair import InputNote, Pair
from pairreg.reading.notes import ImageFile
from pairreg.reading.padding import measured
from pairreg.reading.roles import (
    check_dimension,
    field_of_view_warning,
    read_channel,
    read_labels,
    read_mask,
    read_varying,
)
from pairreg.validation import one_of, shown


def load_pair(
    fixed: str | Path,
    moving: str | Path,
    *,
    name: str | None = None,
    fixed_series: str | None = None,
    moving_series: str | None = None,
    fixed_labels: str | Path | None = None,
    moving_labels: str | Path | None = None,
    fixed_mask: str | Path | None = None,
    moving_mask: str | Path | None = None,
    fixed_landmarks: str | Path | None = None,
    moving_landmarks: str | Path | None = None,
    channels: Mapping[str, str | Path | dict[str, Any]] | None = None,
    fixed_channels: Mapping[str, str | Path | dict[str, Any]] | None = None,
    label_names: dict[int | str, str] | None = None,
) -> Pair:
    """The pair that files of yours hold, in any format that is common in medicine.

    Images and channels are float32, masks uint8, labels of an integer type.

    What was repaired or is doubtful is logged, and kept in `Pair.inputs`. Padding of an image (PixelPaddingValue in
    DICOM, otherwise see `pairreg.reading.padding`) is left out of its mask.

    **Arguments:**

    - `fixed`, `moving`: NIfTI, NRRD, MHA/MHD, a DICOM file or folder, TIFF, PNG or JPEG, told by their contents.
    - `name`: short name for tables and figures; by default from the file names.
    - `fixed_series`, `moving_series`: SeriesInstanceUID of one of several series in a DICOM folder.
    - `fixed_labels`, `moving_labels`, `fixed_mask`, `moving_mask`: in the same formats, on any grid that meets that of
      their image in space.
    - `fixed_landmarks`, `moving_landmarks`: `.fcsv`, `.mrk.json` and tables of 3-D Slicer, `point` and `index` of
      elastix, CSV of ANTs or with any separator (x,y[,z], with or without that header), or JSON (a list of points, or
      an object with the keys `fixed` and `moving`); in LPS mm, unless the file says otherwise.
    - `channels`: further images that belong to the moving one, by name: a file, or `{"file": …, "labels": True}` for a
      label map, which is interpolated by nearest neighbour. Without `labels`, an integer type with mostly equal
      neighbours is one.
    - `fixed_channels`: likewise those that belong to the fixed one; a term with `on=NAME` compares the channels of that
      name.
    - `label_names`: names of label values.

    Raises `InputError` for whatever cannot be used.
    """
    files = read_side("fixed", fixed, fixed_series, fixed_labels, fixed_mask)
    files |= read_side("moving", moving, moving_series, moving_labels, moving_mask)
    compare_sides(files)
    further = {
        role: {name: channel(f"{role}.{name}", file, files[side]) for name, file in (given or {}).items()}
        for role, side, given in (("channels", "moving", channels), ("fixed_channels", "fixed", fixed_channels))
    }
    images = {side: files[side].image for side in ("fixed", "moving")}
    points = read_landmarks(fixed_landmarks, moving_landmarks, images)
    for given, image, path in zip(points, images.values(), (fixed_landmarks, moving_landmarks), strict=True):
        if given is not None and path is not None:
            check_not_indices(given, image, path)
            check_inside(given, image, path)
    every = {f"{role}/{key}": file for role, of_side in further.items() for key, file in of_side.items()}
    return Pair(
        name=name or f"{stem(fixed)}_{stem(moving)}",
        **parts(files, "fixed"),
        **parts(files, "moving"),
        fixed_landmarks=points[0],
        moving_landmarks=points[1],
        channels={key: file.image for key, file in further["channels"].items()},
        fixed_channels={key: file.image for key, file in further["fixed_channels"].items()},
        label_names=numbered(label_names or {}),
        inputs=notes_of(files | every),
    )


def read_side(
    side: str,
    image: str | Path,
    series: str | None = None,
    labels: str | Path | None = None,
    mask: str | Path | None = None,
    voxelwise: bool = False,
) -> dict[str, ImageFile]:
    """One image of a pair with its label map and mask, by their roles, such as `fixed` and `fixed_mask`.

    `voxelwise`: those of the size of the image lie on its grid, whatever their headers say.
    """
    files = {side: read_varying(image, series)}
    if labels is not None:
        files[f"{side}_labels"] = read_labels(labels, files[side], voxelwise)
    if mask is not None:
        files[f"{side}_mask"] = read_mask(mask, files[side], voxelwise)
    return files


def compare_sides(files: dict[str, ImageFile]) -> None:
    """Add warnings where the two sides of a pair hardly belong together; raises `InputError` where they cannot."""
    check_dimension(files["moving"], files["fixed"])
    suspicion = field_of_view_warning(files["fixed"], files["moving"])
    files["moving"] = replace(files["moving"], warnings=(*files["moving"].warnings, *suspicion))
    warn_of_lone_labels(files)


def warn_of_lone_labels(files: dict[str, ImageFile]) -> None:
    """Add a warning to the label map of one image where the other image has none."""
    roles = ("fixed_labels", "moving_labels")
    for lone, missing in (roles, roles[::-1]):
        if lone in files and missing not in files:
            said = f"{files[lone].path} is {lone} without {missing}: no overlap of labels is measured."
            files[lone] = replace(files[lone], warnings=(*files[lone].warnings, said))


def parts(files: Mapping[str, ImageFile], side: str) -> dict[str, Any]:
    """The arguments of `Pair` for one side; padding is out of its mask."""
    image, labels, mask = (files.get(f"{side}{part}") for part in ("", "_labels", "_mask"))
    assert image is not None
    return {
        side: image.image,
        f"{side}_labels": labels.image if labels else None,
        f"{side}_mask": measured(image.padding, mask.image if mask else None, image.path),
    }


def notes_of(files: Mapping[str, ImageFile]) -> dict[str, InputNote]:
    """What is kept of every file, by its role; its repairs and warnings are logged."""
    for file in files.values():
        file.announce()
    return {role: InputNote.of(file.path, file.repairs, file.warnings, file.unit) for role, file in files.items()}


def channel(where: str, given: str | Path | Mapping[str, Any], image: ImageFile) -> ImageFile:
    """The channel of a file, or of `{file: …, labels: …}`, which lies with `image`; `where` is that of the setting."""
    if not isinstance(given, Mapping):
        return read_channel(given, image)
    for key in given:
        one_of(f"{where}: key", str(key), ("file", "labels"))
    if not isinstance(given.get("file"), str | Path) or not isinstance(given.get("labels", True), bool):
        raise InputError(f"{where} is {dict(given)}; give a file, or {{file: FILE, labels: true or false}}.")
    return read_channel(given["file"], image, given.get("labels"))


def stem(path: str | Path) -> str:
    """The file name without its endings (`a` of `folder/a.nii.gz`), or a folder's name."""
    path = Path(path).expanduser()
    return path.name if path.is_dir() else path.name.removesuffix(".gz").rsplit(".", 1)[0]


def numbered(names: Mapping[int | str, str]) -> dict[int, str]:
    """`names` by number: YAML keys may be quoted."""
    keys = ", ".join(map(str, names))
    if not all(re.fullmatch(r"-?\d{1,18}", str(key)) for key in names):  # a voxel holds no more digits
        raise InputError(f"label_names has the keys {shown(keys)}; give whole numbers, such as {{1: bone}}.")
    found = {int(key): name for key, name in names.items()}
    if len(found) < len(names):
        raise InputError(f"label_names has a number twice (its keys: {keys}); give each label one name.")
    return found

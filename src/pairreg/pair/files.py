"""A pair from files."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.pair.checks import check_dimension, read_channel, read_labels, read_mask, read_varying
from pairreg.pair.landmarks import read_landmarks
from pairreg.pair.pair import Pair


def load_pair(
    fixed: str | Path,
    moving: str | Path,
    *,
    name: str | None = None,
    fixed_labels: str | Path | None = None,
    moving_labels: str | Path | None = None,
    fixed_mask: str | Path | None = None,
    moving_mask: str | Path | None = None,
    fixed_landmarks: str | Path | None = None,
    moving_landmarks: str | Path | None = None,
    channels: dict[str, str | Path] | None = None,
    label_names: dict[int | str, str] | None = None,
) -> Pair:
    """The pair that these files hold; images and channels float32, masks uint8, labels of an integer type.

    **Arguments:**

    - `fixed`, `moving`: NIfTI, NRRD, MHA/MHD, a folder with one DICOM series, or (2-D) TIFF or PNG.
    - `name`: short name for tables and figures; by default from the file names.
    - `fixed_labels`, `moving_labels`, `fixed_mask`, `moving_mask`: in the same formats, on any grid that meets that of
      their image in space.
    - `fixed_landmarks`, `moving_landmarks`: `.fcsv`, `.mrk.json` and tables of 3-D Slicer, `point` and `index` of
      elastix, CSV of ANTs or with any separator (x,y[,z], with or without that header), or JSON (a list of points, or
      an object with the keys `fixed` and `moving`); in LPS mm, unless the file says otherwise.
    - `channels`: further images that belong to the moving one, by name.
    - `label_names`: names of label values.

    Raises `InputError` for whatever cannot be used.
    """
    images = {"fixed": read_varying(fixed), "moving": read_varying(moving)}
    check_dimension(images["moving"], images["fixed"], moving, fixed)
    points = read_landmarks(fixed_landmarks, moving_landmarks, images)
    return Pair(
        name=name or f"{stem(fixed)}_{stem(moving)}",
        fixed=images["fixed"],
        moving=images["moving"],
        fixed_labels=optional(read_labels, fixed_labels, images["fixed"]),
        moving_labels=optional(read_labels, moving_labels, images["moving"]),
        fixed_mask=optional(read_mask, fixed_mask, images["fixed"]),
        moving_mask=optional(read_mask, moving_mask, images["moving"]),
        fixed_landmarks=points[0],
        moving_landmarks=points[1],
        channels={key: read_channel(path, images["moving"]) for key, path in (channels or {}).items()},
        label_names=numbered(label_names or {}),
    )


def optional(
    read: Callable[[str | Path, sitk.Image], sitk.Image], path: str | Path | None, image: sitk.Image
) -> sitk.Image | None:
    return None if path is None else read(path, image)


def stem(path: str | Path) -> str:
    """The file name without its endings (`a` of `folder/a.nii.gz`), or a folder's name."""
    path = Path(path).expanduser()
    return path.name if path.is_dir() else path.name.removesuffix(".gz").rsplit(".", 1)[0]


def numbered(names: Mapping[int | str, str]) -> dict[int, str]:
    """`names` by number: YAML keys may be quoted."""
    keys = ", ".join(map(str, names))
    if not all(re.fullmatch(r"-?\d+", str(key)) for key in names):
        raise InputError(f"label_names has the keys {keys}; give whole numbers, such as {{1: bone}}.")
    found = {int(key): name for key, name in names.items()}
    if len(found) < len(names):
        raise InputError(f"label_names has a number twice (its keys: {keys}); give each label one name.")
    return found

"""Corresponding points from files of any format, in LPS mm, x first."""

import codecs
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.pair.landmark_files import elastix, json_points, tables
from pairreg.pair.landmark_files.point_file import LAYOUT, PointFile

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_landmarks(
    fixed: str | Path | None,
    moving: str | Path | None,
    ndim: int,
    fixed_image: sitk.Image | None = None,
    moving_image: sitk.Image | None = None,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The points `(n, ndim)` of both images, in corresponding order; one JSON file may hold both.

    The images are needed for voxel indices of elastix only. Raises `InputError` if one is given without the other, if
    their numbers differ, or if they are not `ndim`-D.
    """
    if fixed is None and moving is None:
        return None, None
    if fixed is None or moving is None:
        given, missing = ("moving", "fixed") if fixed is None else ("fixed", "moving")
        path = moving if fixed is None else fixed
        raise InputError(f"{path} gives landmarks of the {given} image only; give {missing}_landmarks too, or none.")
    points = read_points(fixed, "fixed", ndim, fixed_image), read_points(moving, "moving", ndim, moving_image)
    if len(points[0]) != len(points[1]):
        counts = f"{fixed} has {len(points[0])} fixed and {moving} {len(points[1])} moving landmarks"
        raise InputError(f"{counts}; give the same points in the same order.")
    return points


def read_points(path: str | Path, role: str, ndim: int, image: sitk.Image | None = None) -> np.ndarray:
    """The points `(n, ndim)` in `path`; `role` (fixed or moving) is their key in a JSON object.

    Voxel indices of elastix are those of `image`. Further columns of 0 do not count. Raises `InputError` for a file
    that holds no points of `ndim` dimensions, or does not tell their coordinate system.
    """
    path = existing(path)
    points = _parsed(_decoded(path)[0], path, role, ndim, image).in_lps()
    if points.shape[1] > ndim and not points[:, ndim:].any():
        points = points[:, :ndim]
    if points.shape[1] != ndim:
        found = f"{points.shape[1]} coordinates a point"
        raise InputError(f"{path} has {found} but its image is {ndim}-D; use {LAYOUT}.")
    return points


def write_points(path: Path, points: np.ndarray, like: str | Path, role: str, goal: str) -> None:
    """Write `points` `(n, ndim)` in LPS mm as in the file `like`, which was read by `read_points` as those of `role`.

    Its format, coordinate system and encoding stay, and what else it holds. In a JSON object the key is `goal` (fixed
    or moving).
    """
    text, encoding = _decoded(existing(like))
    found = _parsed(text, existing(like), role, points.shape[1], None, goal)
    path.write_bytes(found.with_lps(points).encode(encoding))


def _decoded(path: Path) -> tuple[str, str]:
    """The text of a file and its encoding; raises `InputError` for what is no text."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file of landmarks: {LAYOUT}.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a file that you may read.") from error
    encoding = next((name for mark, name in MARKS.items() if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        encoding, text = "latin-1", raw.decode("latin-1")  # numbers are the same in all the old encodings
    if "\0" in text:
        raise InputError(f"{path} is no text; give landmarks as {LAYOUT}.")
    return text, encoding


def _parsed(
    text: str, path: Path, role: str, ndim: int, image: sitk.Image | None, goal: str | None = None
) -> PointFile:
    if path.suffix.lower() == ".json" or text.lstrip().startswith(("[", "{")):
        return json_points.parse(text, path, role, goal or role)
    return elastix.parse(text, path, image) or tables.parse(text, path, ndim)

"""Corresponding points from files, in LPS mm, x first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.pair.landmark_files.base import PointFile
from pairreg.pair.landmark_files.read import parsed, read_bytes
from pairreg.pair.landmark_files.text import decoded, encoded


def read_landmarks(
    fixed: str | Path | None, moving: str | Path | None, images: Mapping[str, sitk.Image]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The points `(n, ndim)` of both images, in corresponding order; one JSON file may hold both.

    A point that one of the files calls undefined is left out of both. `images` (fixed and moving) are those whose
    voxels an index counts. Raises `InputError` if one file is given without the other, if their numbers differ, if a
    name stands in different rows, or if they have not the dimension of the images.
    """
    if fixed is None and moving is None:
        return None, None
    if fixed is None or moving is None:
        given, missing = ("moving", "fixed") if fixed is None else ("fixed", "moving")
        path = moving if fixed is None else fixed
        raise InputError(f"{path} gives landmarks of the {given} image only; give {missing}_landmarks too, or none.")
    paths = {"fixed": existing(fixed), "moving": existing(moving)}
    ndim = images["fixed"].GetDimension()
    files = {image: parsed(path, image, ndim) for image, path in paths.items()}
    points = {image: _in_lps(files[image], paths[image], ndim, images[image]) for image in paths}
    _check_correspondence(files, paths)
    known = np.isfinite(points["fixed"]).all(1) & np.isfinite(points["moving"]).all(1)
    if not known.any():
        raise InputError(f"{fixed} and {moving} have no landmark that is defined in both; place one in both images.")
    return points["fixed"][known], points["moving"][known]


def read_points(path: str | Path, image: str, ndim: int) -> np.ndarray:
    """The points `(n, ndim)` in `path`, in LPS mm; `image` (fixed or moving) is the key of a JSON object.

    Points that the file calls undefined are left out. Voxel indices are refused: their image is not known.
    """
    path = existing(path)
    points = _in_lps(parsed(path, image, ndim), path, ndim, None)
    return points[np.isfinite(points).all(1)]


def write_points(path: Path, points: np.ndarray, like: str | Path, source: str, image: str) -> None:
    """Write `points` `(n, ndim)` to `path` in the format, system and unit of the file `like`, read by `read_points`.

    `source` is the image of the points in `like`, `image` that of the new ones. What else the file holds stays.
    """
    like = existing(like)
    file = parsed(like, source, points.shape[1])
    every = np.full((len(file.values), points.shape[1]), np.nan)
    every[np.isfinite(file.values).all(1)] = points
    content = read_bytes(like)
    path.write_bytes(encoded(file.like(every, image), decoded(content, str(like))[1], content))


def _in_lps(file: PointFile, path: Path, ndim: int, grid: sitk.Image | None) -> np.ndarray:
    if file.values.size == 0:
        raise InputError(f"{path} holds no landmarks; give a file with a point at least.")
    if file.values.ndim != 2:
        raise InputError(f"{path} holds no table of points; give a list of points, such as [[1, 2, 3]].")
    return file.to_lps(str(path), ndim, grid)


def _check_correspondence(files: Mapping[str, PointFile], paths: Mapping[str, Path]) -> None:
    fixed, moving = files["fixed"], files["moving"]
    if len(fixed.values) != len(moving.values):
        counts = [f"{paths[image]} has {len(file.values)} {image}" for image, file in files.items()]
        raise InputError(f"{' and '.join(counts)} landmarks; give the same points in the same order.")
    places = {image: _places(file.names) for image, file in files.items()}
    moved = [name for name, place in places["fixed"].items() if places["moving"].get(name, place) != place]
    if moved:
        first, second = (places[image][moved[0]] + 1 for image in ("fixed", "moving"))
        raise InputError(
            f"{paths['fixed']} and {paths['moving']} name the same landmarks in another order ({moved[0]!r} is number "
            f"{first} and number {second}, and rows belong together); sort one like the other, or rename its points."
        )


def _places(names: Sequence[str]) -> dict[str, int]:
    """The row of each name that stands there once."""
    counts = Counter(names)
    return {name: row for row, name in enumerate(names) if name and counts[name] == 1}

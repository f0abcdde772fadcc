"""Landmarks that are voxel numbers of their own image, as benchmarks hand them out."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.arrays import Labels
from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.pair.landmark_checks import TOLERANCE
from pairreg.pair.landmark_files.numbers import numbers
from pairreg.pair.landmark_files.read import read_bytes
from pairreg.pair.landmark_files.text import decoded
from pairreg.reading.roles import read_label_map

_BETWEEN = re.compile(r"[,;\s]+")


def read_pair_of_points(paths: Mapping[str, Path], images: Mapping[str, sitk.Image], first: int) -> list[np.ndarray]:
    """The points `(n, ndim)` of the fixed and the moving image in LPS mm; the rows of both files correspond.

    `paths` and `images` have the keys fixed and moving; `first` is the number of the first voxel, 0 or 1.

    Raises `InputError` for a file that cannot be read, rows that do not correspond, and points outside their image.
    """
    found = {side: read_points(path, images[side], first) for side, path in paths.items()}
    counts = {side: len(points) for side, points in found.items()}
    if counts["fixed"] != counts["moving"]:
        said = " and ".join(f"{paths[side]} has {count} points" for side, count in counts.items())
        raise InputError(f"{said}; give files whose rows correspond.")
    return [found["fixed"], found["moving"]]


def read_landmark_maps(paths: Mapping[str, Path], images: Mapping[str, sitk.Image]) -> dict[str, sitk.Image]:
    """The label maps of the fixed and the moving image whose labels above 0 are a landmark each.

    A map lies voxel by voxel on its image, whatever its header says. Raises `InputError` as `landmark_maps` does.
    """
    return landmark_maps({side: read_label_map(path).image for side, path in paths.items()}, images, paths)


def landmark_maps(
    maps: Mapping[str, sitk.Image], images: Mapping[str, sitk.Image], names: Mapping[str, object]
) -> dict[str, sitk.Image]:
    """Lay the label map of each side on the voxels of its image; `names` are those of the maps in messages.

    Raises `InputError` unless a map has the size of its image, and both have the same labels.
    """
    found, known = {}, {}
    for side, image in images.items():
        labels = geometry.array(maps[side])
        if labels.shape != image.GetSize()[::-1]:
            size = " × ".join(map(str, labels.shape[::-1]))
            raise InputError(
                f"{names[side]} has {size} voxels, and its image others; give a map on the voxels of the image."
            )
        found[side] = geometry.image(labels, image)
        known[side] = _landmarks_in(labels)
    if known["fixed"] != known["moving"] or not known["fixed"]:
        said = " and ".join(f"{names[side]} {len(labels)}" for side, labels in known.items())
        raise InputError(f"the label maps of landmarks should have the same labels; they have others ({said}).")
    return found


def centres_of_labels(labels: sitk.Image) -> np.ndarray:
    """The centres of mass `(n, ndim)` of the labels above 0 in LPS mm, in the order of their values."""
    from scipy.ndimage import center_of_mass

    values = geometry.array(labels)
    centres = center_of_mass(values > 0, values, _landmarks_in(values))
    return np.array([labels.TransformContinuousIndexToPhysicalPoint(index[::-1]) for index in centres])


def _landmarks_in(labels: Labels) -> list[int]:
    """The values above 0, in order."""
    return [int(value) for value in np.unique(labels) if value > 0]


def read_points(path: Path, image: sitk.Image, first: int) -> np.ndarray:
    """The points `(n, ndim)` in LPS mm of a text file with a row of voxel numbers, x first, for each, without a header.

    The numbers may have decimals, and commas, semicolons or blanks between them.
    """
    path = existing(path)
    text, _ = decoded(read_bytes(path), str(path))
    rows = [_BETWEEN.split(line.strip(" \t,;")) for line in text.split("\n") if line.strip()]
    ndim = image.GetDimension()
    if not rows or len(rows[0]) != ndim:
        found = f"{len(rows[0])} numbers in its first row" if rows else "no points"
        raise InputError(f"{path} has {found}; give a row of {ndim} voxel numbers for each point.")
    index = numbers(rows, str(path)) - first
    points = np.array([image.TransformContinuousIndexToPhysicalPoint(row) for row in index.tolist()])
    outside = np.flatnonzero(~geometry.inside(points, image, TOLERANCE))
    if outside.size:
        where = ", ".join(f"{x:g}" for x in index[outside[0]] + first)
        size = " × ".join(map(str, image.GetSize()))
        raise InputError(
            f"{path} has {outside.size} of its {len(points)} points outside the image of {size} voxels (row "
            f"{outside[0] + 1}: {where}); give voxel numbers of that image, counted from {first}."
        )
    return points

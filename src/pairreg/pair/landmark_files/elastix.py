"""Landmarks as elastix and transformix take them: `point` or `index`, their number, and a line for each."""

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.pair.landmark_files.point_file import PointFile, points_of

START = re.compile(r"\s*(point|index)\s+(\d+)\s", re.IGNORECASE)


def parse(text: str, path: Path, image: sitk.Image | None) -> PointFile | None:
    """The points in `text`, None if it does not begin as such a file; voxel indices are those of `image`.

    Raises `InputError` if their number is not the one that the file gives, or for indices without an image.
    """
    begin = START.match(text)
    if begin is None:
        return None
    lines = [line.split() for line in text[begin.end() :].splitlines() if line.strip()]
    points = points_of(lines, path)
    if len(points) != int(begin[2]):
        raise InputError(f"{path} has {len(points)} points, not the {begin[2]} that its second line gives; correct it.")
    if begin[1].lower() == "index":
        points = _places(points, path, image)
    return PointFile(points, _text)


def _places(indices: np.ndarray, path: Path, image: sitk.Image | None) -> np.ndarray:
    """Voxel indices of `image` as positions in LPS mm."""
    if image is None:
        raise InputError(
            f"{path} holds voxel indices ('index'), and it is not known of which image; give points in mm."
        )
    if indices.shape[1] != image.GetDimension():
        raise InputError(
            f"{path} has {indices.shape[1]} indices a point but its image is {image.GetDimension()}-D; correct it."
        )
    return np.array([image.TransformContinuousIndexToPhysicalPoint(index) for index in indices.tolist()])


def _text(points: np.ndarray) -> str:
    lines = (" ".join(f"{x:.6f}" for x in point) for point in points)
    return "\n".join(["point", str(len(points)), *lines]) + "\n"

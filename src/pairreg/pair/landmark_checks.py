"""Whether landmarks are points of their image in LPS mm, or were meant otherwise."""

from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.pair.pair import Pair

TOLERANCE = 1.0  # voxels: a landmark may be set on the edge of its image
FACTORS = {0.001: "0.001", 0.1: "0.1", 10.0: "10", 1000.0: "1000"}  # between µm, mm, cm and m
TELLING = 6  # whole numbers that are no accident: two points in 3-D, three in 2-D


def check_landmarks(pair: Pair) -> None:
    """Raise `InputError` if the landmarks of a pair lie outside their images; see `check_inside`."""
    for name in ("fixed", "moving"):
        points = getattr(pair, f"{name}_landmarks")
        if points is not None:
            check_inside(points, getattr(pair, name), f"pair {pair.name!r}: {name}_landmarks")


def check_inside(points: np.ndarray, image: sitk.Image, source: str | Path) -> None:
    """Raise `InputError` if none of the points `(n, ndim)` lies in `image`, or if several do not by mistake.

    It is a mistake if all of them would lie inside as voxel indices or in RAS. A few points beyond an image are usual
    where it was cropped: the initial transform carries them, and `tre_points` says how many are inside.
    """
    inside = geometry.inside(points, image, TOLERANCE)
    readings = [name for name, fits in _readings(points, image).items() if fits]
    if inside.all() or (inside.any() and (np.count_nonzero(~inside) == 1 or not readings)):
        return
    first = int(np.flatnonzero(~inside)[0])
    found = f"{np.count_nonzero(~inside)} of its {len(points)} landmarks outside their image"
    where = f"number {first + 1} is at {_text(points[first])}, the image spans {_span(image)} mm"
    if not inside.any():
        readings += [f"multiplied by {text} (another unit)" for f, text in FACTORS.items() if _fit(points * f, image)]
    cause = f"they would fit {' or '.join(readings)}: give" if readings else "check that they are of this image, and in"
    raise InputError(f"{source} has {found} ({where}); {cause} LPS mm.")


def check_not_indices(points: np.ndarray, image: sitk.Image, source: str | Path) -> None:
    """Raise `InputError` for points `(n, ndim)` that are whole numbers, none negative, and voxel indices of `image`.

    Two points or more in 3-D, three in 2-D: measured positions in mm never look like that. Where both readings name the
    same places, nothing is refused.
    """
    whole = points.size >= TELLING and (points == np.round(points)).all() and (points >= 0).all()
    if not whole or not _fit_as_indices(points, image):
        return
    as_indices = [image.TransformContinuousIndexToPhysicalPoint(point) for point in points.tolist()]
    if np.allclose(as_indices, points, rtol=0, atol=min(image.GetSpacing())):
        return
    meant = f"voxel indices, and would be other places in mm ({_text(points[0])} would be {_text(as_indices[0])})"
    advice = "give LPS mm, with decimals if they are whole (one coordinate such as 10.001 is enough)"
    raise InputError(f"{source} holds only whole numbers that fit as {meant}; {advice}.")


def _readings(points: np.ndarray, image: sitk.Image) -> dict[str, bool]:
    """What the points may have been meant as, and whether all of them would then lie inside."""
    flipped = points * ([-1, -1, 1][: points.shape[1]])
    return {
        "as voxel indices": _fit_as_indices(points, image),
        "with x and y negated (RAS instead of LPS)": _fit(flipped, image),
    }


def _fit(points: np.ndarray, image: sitk.Image) -> bool:
    return bool(geometry.inside(points, image, TOLERANCE).all())


def _fit_as_indices(points: np.ndarray, image: sitk.Image) -> bool:
    """In the order x, y, z or z, y, x, counted from 0 or from 1."""
    size = np.array(image.GetSize())
    return bool((points >= -0.5).all() and any((points <= upper).all() for upper in (size, size[::-1])))


def _text(point: np.ndarray | tuple[float, ...]) -> str:
    return f"({', '.join(f'{x:g}' for x in np.round(point, 1).tolist())})"


def _span(image: sitk.Image) -> str:
    corners = product(*((-0.5, n - 0.5) for n in image.GetSize()))
    points = np.array([image.TransformContinuousIndexToPhysicalPoint(corner) for corner in corners])
    return f"{_text(points.min(0))} to {_text(points.max(0))}"

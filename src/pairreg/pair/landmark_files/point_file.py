"""Landmarks as a file of any format holds them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pairreg.errors import InputError

FLIPPED = {"LPS": 0, "RAS": 2}  # axes, x first, that point the other way in LPS
LAYOUT = "a table of x,y[,z], a 3-D Slicer, elastix or ANTs file, or a JSON list of points, in mm"


@dataclass(frozen=True)
class PointFile:
    """**Attributes:**

    - `points`: `(n, 2 or 3)` in the coordinate system of the file, x first.
    - `system`: LPS or RAS, mm.
    - `rewritten`: the text of the file with other points `(n, 2 or 3)`, as many, in the same system.
    """

    points: np.ndarray
    rewritten: Callable[[np.ndarray], str]
    system: str = "LPS"

    def in_lps(self) -> np.ndarray:
        """The points `(n, 2 or 3)` in LPS mm."""
        return _flipped(self.points, self.system)

    def with_lps(self, points: np.ndarray) -> str:
        """The text of the file with other points `(n, ndim)`, given in LPS mm; a plane keeps its further columns."""
        whole = self.points.copy()
        whole[:, : points.shape[1]] = _flipped(points, self.system)
        return self.rewritten(whole.round(6) + 0.0)  # 1 nm; no -0


def _flipped(points: np.ndarray, system: str) -> np.ndarray:
    """Points of `system` in LPS, or the reverse."""
    result = points.copy()
    result[:, : FLIPPED[system]] *= -1
    return result


def system_named(text: object, path: Path) -> str:
    """The coordinate system that a file calls `text`, such as `LPS physical mm`.

    Raises `InputError` if it is none of the body. 3-D Slicer before 4.11 wrote 0 for RAS and 1 for LPS.
    """
    words = re.split(r"\W+", str(text).upper())
    found = {"LPS" if word in ("LPS", "1") else "RAS" for word in words if word in ("LPS", "RAS", "0", "1")}
    if len(found) != 1:
        raise InputError(f"{path} has the coordinate system {text!r}; give points in LPS or RAS mm.")
    return found.pop()


def points_of(rows: object, path: Path) -> np.ndarray:
    """A list of points as an array `(n, k)`; raises `InputError` if it is none, or not of finite numbers."""
    try:
        points = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError) as error:
        reason = str(error).partition(". ")[0].splitlines()[0]
        raise InputError(f"{path} cannot be read as landmarks ({reason}); use {LAYOUT}.") from None
    if points.size == 0:
        raise InputError(f"{path} holds no landmarks; use {LAYOUT}.")
    if points.ndim != 2:
        raise InputError(f"{path} holds no table of points; use {LAYOUT}.")
    if not np.isfinite(points).all():
        raise InputError(f"{path} holds a NaN or infinite coordinate; use {LAYOUT}.")
    return points

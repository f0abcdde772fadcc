"""Corresponding points from CSV or JSON files, in LPS mm, x first."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from pairreg.errors import InputError
from pairreg.files import existing

LAYOUT = "a CSV file of x,y[,z] or a JSON list of points, in LPS mm"


def read_landmarks(
    fixed: str | Path | None, moving: str | Path | None, ndim: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The points `(n, ndim)` of both images, in corresponding order; one JSON file may hold both.

    Raises `InputError` if one is given without the other, if their numbers differ, or if they are not `ndim`-D.
    """
    if fixed is None and moving is None:
        return None, None
    if fixed is None or moving is None:
        given, missing = ("moving", "fixed") if fixed is None else ("fixed", "moving")
        path = moving if fixed is None else fixed
        raise InputError(f"{path} gives landmarks of the {given} image only; give {missing}_landmarks too, or none.")
    points = read_points(fixed, "fixed", ndim), read_points(moving, "moving", ndim)
    if len(points[0]) != len(points[1]):
        counts = f"{fixed} has {len(points[0])} fixed and {moving} {len(points[1])} moving landmarks"
        raise InputError(f"{counts}; give the same points in the same order.")
    return points


def read_points(path: str | Path, image: str, ndim: int) -> np.ndarray:
    """The points `(n, ndim)` in `path`; `image` (fixed or moving) is the key of a JSON object."""
    path = existing(path)
    try:
        rows = from_json(path, image) if path.suffix.lower() == ".json" else from_csv(path)
        points = np.array(rows, dtype=np.float64)
    except InputError:
        raise
    except (ValueError, TypeError, OSError, csv.Error) as error:
        reason = str(error).partition(". ")[0].splitlines()[0]
        raise InputError(f"{path} cannot be read as landmarks ({reason}); use {LAYOUT}.") from error
    check_points(points, path, ndim)
    return points


def from_json(path: Path, image: str) -> Any:
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        return content
    if image not in content:
        keys = ", ".join(content) or "none"
        raise InputError(f"{path} has no key {image!r} (its keys: {keys}); use {LAYOUT}.")
    return content[image]


def from_csv(path: Path) -> list[list[str]]:
    """The rows of `path`: the columns x, y, z if its first line names them, otherwise all columns."""
    rows = cells(path)
    columns = coordinate_columns(rows)
    if not columns:
        return rows
    return [[row[column] if column < len(row) else "" for column in columns] for row in rows[1:]]


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]


def coordinate_columns(rows: list[list[str]]) -> list[int]:
    """Numbers of the columns that the first row names x, y and z; none if it is no header."""
    header = [cell.lower() for cell in rows[0]] if rows else []
    return [header.index(axis) for axis in "xyz" if axis in header] if {"x", "y"} <= set(header) else []


def write_points(path: Path, points: np.ndarray, like: str | Path, image: str) -> None:
    """Write `points` `(n, ndim)` to `path` as in the file `like`, which was read by `read_points`.

    Other columns of a CSV file stay. In a JSON object the points are those of `image` (fixed or moving), and what else
    it holds stays.
    """
    points, like = points.round(6), Path(like).expanduser()  # 1 nm
    if like.suffix.lower() == ".json":
        content = json.loads(like.read_text(encoding="utf-8-sig"))
        listed = points.tolist()
        path.write_text(json.dumps({**content, image: listed} if isinstance(content, dict) else listed) + "\n")
        return
    rows = cells(like)
    columns = coordinate_columns(rows)
    for row, point in zip(rows[1:] if columns else rows, points.tolist(), strict=True):
        for column, value in zip(columns or range(len(point)), point, strict=True):
            row[column] = str(value)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def check_points(points: np.ndarray, path: Path, ndim: int) -> None:
    if points.size == 0:
        raise InputError(f"{path} holds no landmarks; use {LAYOUT}.")
    if points.ndim != 2 or points.shape[1] != ndim:
        found = f"{points.shape[1]} coordinates a point" if points.ndim == 2 else "no table of points"
        raise InputError(f"{path} has {found} but its image is {ndim}-D; use {LAYOUT}.")
    if not np.isfinite(points).all():
        raise InputError(f"{path} holds a NaN or infinite coordinate; use {LAYOUT}.")

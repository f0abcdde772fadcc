"""Landmarks in JSON: a list of points, an object with the keys `fixed` and `moving`, or markups of 3-D Slicer."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pairreg.errors import InputError
from pairreg.pair.landmark_files.point_file import LAYOUT, PointFile, points_of, system_named


def parse(text: str, path: Path, role: str, goal: str) -> PointFile:
    """The points in `text`. In an object, `role` (fixed or moving) is their key, and `goal` that of what is written."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); use {LAYOUT}.") from None
    if isinstance(content, dict) and "markups" in content:
        return _markups(content, path)
    if not isinstance(content, dict):
        return PointFile(points_of(content, path), lambda points: json.dumps(points.tolist()) + "\n")
    if role not in content:
        keys = ", ".join(content) or "none"
        raise InputError(f"{path} has no key {role!r} (its keys: {keys}); use {LAYOUT}.")
    system = system_named(content.get("space", content.get("coordinateSystem", "LPS")), path)

    def rewritten(points: np.ndarray) -> str:
        return json.dumps({**content, goal: points.tolist()}) + "\n"

    return PointFile(points_of(content[role], path), rewritten, system)


def _markups(content: dict[str, Any], path: Path) -> PointFile:
    """The control points of the one list in a file of 3-D Slicer (`.mrk.json`, from version 4.11 on)."""
    try:
        lists = [one for one in content["markups"] if one.get("controlPoints")]
        if len(lists) != 1:
            raise InputError(f"{path} has {len(lists)} lists of control points; export one list to a file.")
        found = lists[0]
        unit = found.get("coordinateUnits", "mm")
        if unit not in ("mm", ["mm", "UCUM", "millimeter"]):
            raise InputError(f"{path} has its points in {unit!r}; export them in mm.")
        if "coordinateSystem" not in found:
            raise InputError(f"{path} does not say its coordinateSystem; export it from 3-D Slicer again.")
        for number, point in enumerate(found["controlPoints"], start=1):
            if point.get("positionStatus", "defined") != "defined":
                name = point.get("label", number)
                raise InputError(f"{path} has no position of the control point {name!r}; place it, or delete it.")
        points = points_of([point["position"] for point in found["controlPoints"]], path)
        system = system_named(found["coordinateSystem"], path)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no markups file of 3-D Slicer ({error!r}); export it again.") from None

    def rewritten(moved: np.ndarray) -> str:
        placed = [{**old, "position": new} for old, new in zip(found["controlPoints"], moved.tolist(), strict=True)]
        lists = [{**found, "controlPoints": placed} if one is found else one for one in content["markups"]]
        return json.dumps({**content, "markups": lists}, indent=2) + "\n"

    return PointFile(points, rewritten, system)

"""Markups of 3-D Slicer: `.mrk.json`, whose schema is documented in Slicer's developer guide."""

import copy
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from pairreg.errors import InputError
from pairreg.pair.landmark_files.base import PointFile, system_of, unit_of


def read_markups(content: Mapping[str, Any], where: str) -> PointFile:
    """The control points of the one list in a file; those that were never placed are undefined."""
    markups = content["markups"]
    if not isinstance(markups, list) or len(markups) != 1:
        count = len(markups) if isinstance(markups, list) else "no"
        raise InputError(f"{where} has {count} lists of markups; give a file with one list of points.")
    found = markups[0]
    points = found.get("controlPoints") or []
    if "coordinateSystem" not in found:
        raise InputError(
            f'{where} does not say its coordinate system; add "coordinateSystem": "LPS" or "RAS" to its markups.'
        )
    return PointFile(
        values=np.array([_position(point, where) for point in points], np.float64).reshape(len(points), -1),
        system=system_of(str(found["coordinateSystem"]), where),
        unit=unit_of(_unit(found), where),
        names=tuple(str(point.get("label", "")) for point in points),
        rewritten=partial(_rewritten, content),
    )


def _position(point: Mapping[str, Any], where: str) -> list[float]:
    """x, y, z; NaN for a point that is listed but was not placed."""
    position = point.get("position")
    if point.get("positionStatus", "defined") != "defined" or position is None:
        return [float("nan")] * 3
    if not np.isfinite(np.array(position, np.float64)).all() or len(position) != 3:
        raise InputError(f"{where} has a control point at {position}; give three finite coordinates.")
    return [float(value) for value in position]


def _unit(markups: Mapping[str, Any]) -> str:
    """Slicer writes `mm`, or a list of what DICOM calls a code: value, scheme, meaning."""
    unit = markups.get("coordinateUnits", "mm")
    return str(unit[0] if isinstance(unit, list) else unit)


def _rewritten(content: Mapping[str, Any], values: np.ndarray, image: str) -> str:
    del image
    changed: Any = copy.deepcopy(content)
    for point, value in zip(changed["markups"][0]["controlPoints"], values.tolist(), strict=True):
        if value[0] == value[0]:
            point["position"] = value
    return json.dumps(changed, indent=4, ensure_ascii=False) + "\n"

"""Points in JSON: a list of points, or an object with the keys `fixed` and `moving`."""

import json
from functools import partial
from typing import Any

import numpy as np

from pairreg.errors import InputError
from pairreg.pair.landmark_files.base import PointFile, system_of
from pairreg.pair.landmark_files.markups import read_markups

SYSTEM_KEYS = ("space", "coordinateSystem", "coordinate_system")


def read_json(text: str, where: str, image: str) -> PointFile:
    """The points of `image` (fixed or moving); in LPS, unless the object says `"space": "RAS"`."""
    try:
        content = json.loads(text)
        if isinstance(content, dict) and "markups" in content:
            return read_markups(content, where)
        values = np.array(_listed(content, where, image), np.float64)
        if not np.isfinite(values).all():
            raise InputError(f"{where} holds a NaN or infinite coordinate; give finite numbers.")
        return PointFile(
            values=values,
            system=_system(content, where),
            rewritten=partial(_rewritten, content),
        )
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error).partition(". ")[0].splitlines()[0]
        advice = "give a JSON list of points, such as [[1, 2, 3]]"
        raise InputError(f"{where} cannot be read as landmarks ({reason}); {advice}.") from error


def _listed(content: Any, where: str, image: str) -> Any:
    if not isinstance(content, dict):
        return content
    if image not in content:
        keys = ", ".join(content) or "none"
        raise InputError(f"{where} has no key {image!r} (its keys: {keys}); give the points of both images, or a list.")
    return content[image]


def _system(content: Any, where: str) -> str:
    given = [content[key] for key in SYSTEM_KEYS if key in content] if isinstance(content, dict) else []
    return system_of(str(given[0]), where) if given else "LPS"


def _rewritten(content: Any, values: np.ndarray, image: str) -> str:
    points = values.tolist()
    changed = {**content, image: points} if isinstance(content, dict) else points
    return json.dumps(changed, ensure_ascii=False) + "\n"

"""The input points of elastix and transformix: `point` (LPS mm) or `index` (voxels), their number, and a row for each.

Source: the manual of elastix 5, "fixed points", and its `itkTransformixInputPointFileReader`.
"""

import re
from functools import partial

import numpy as np

from pairreg.errors import InputError
from pairreg.pair.landmark_files.base import INDEX, PointFile
from pairreg.pair.landmark_files.numbers import numbers, written

KINDS = {"point": "LPS", INDEX: INDEX}


def read_elastix(text: str, where: str) -> PointFile:
    """The points of a file whose first line is `point` or `index`."""
    kind, *rows = [line.split() for line in text.splitlines() if line.strip()]
    count, points = (rows[0], rows[1:]) if rows else ([], [])
    if len(count) != 1 or not re.fullmatch(r"\d{1,18}", count[0], re.ASCII) or int(count[0]) != len(points):
        said = " ".join(count) or "nothing"
        raise InputError(f"{where} says {said} for its number of points and has {len(points)}; give the number.")
    name = kind[0].lower()
    return PointFile(values=numbers(points, where), system=KINDS[name], rewritten=partial(_rewritten, name))


def _rewritten(kind: str, values: np.ndarray, image: str) -> str:
    del image
    rows = [" ".join(written(value) for value in row) for row in values.tolist()]
    return "\n".join([kind, str(len(rows)), *rows]) + "\n"

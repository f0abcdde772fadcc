"""Linear transforms as text, four rows of four numbers, which do not say in which coordinates they are meant."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, whole_transform
from pairreg.errors import InputError
from pairreg.reading.contents import raw_bytes

_MOST = 1 << 14  # bytes of such a file, comfortably


def is_text(path: Path) -> bool:
    """Whether the file may be a matrix: images and binary `.mat` files are no text from their beginning."""
    head = raw_bytes(path, _MOST)
    return head.isascii() and b"\0" not in head


def is_matrix(path: Path) -> bool:
    """Whether the file is a matrix by its content."""
    try:
        load(path)
    except InputError:
        return False
    return True


def load(path: Path) -> np.ndarray:
    """The matrix `(4, 4)`; raises `InputError` unless it is one of a linear transform of space."""
    try:
        rows = [line.split() for line in raw_bytes(path, _MOST).decode("ascii").splitlines()]
        matrix = np.array([row for row in rows if row]).astype(np.float64)
    except ValueError:
        matrix = np.empty(0)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or (matrix[3] != (0, 0, 0, 1)).any():
        raise InputError(f"{path} should have four rows of four finite numbers, of which the last is 0 0 0 1.")
    return matrix


def save(matrix: np.ndarray, path: Path) -> None:
    """Write a matrix `(4, 4)`, without a loss."""
    path.write_text("".join(" ".join(map(repr, row)) + "\n" for row in matrix.tolist()), encoding="ascii")


def transform(matrix: np.ndarray) -> sitk.Transform:
    """The linear transform with a matrix `(4, 4)` in LPS mm."""
    return sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())


def of_transform(linear: sitk.Transform, path: Path) -> np.ndarray:
    """The matrix `(4, 4)` in LPS mm, to be written to `path`; raises `InputError` for a transform that has none."""
    parts = whole_transform.parts(linear)
    if linear.GetDimension() != 3 or not all(part.IsLinear() for part in parts):
        raise InputError(f"{path} would be a matrix, which only linear transforms in 3-D have; choose another format.")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = geometry.linear_part(linear, 3)
    return matrix

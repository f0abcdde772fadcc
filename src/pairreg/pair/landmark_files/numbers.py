"""Coordinates as text, with a decimal point or a decimal comma."""

import re
from collections.abc import Sequence

import numpy as np

from pairreg.errors import InputError

NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number, with a decimal point or a decimal comma."""
    return NUMBER.fullmatch(cell) is not None


def has_decimal_comma(rows: Sequence[Sequence[str]]) -> bool:
    return any("," in cell for row in rows for cell in row)


def numbers(rows: Sequence[Sequence[str]], where: str) -> np.ndarray:
    """The cells `(n, k)` as numbers; raises `InputError` for a cell that is none, and for rows of unlike lengths.

    A file with commas in some coordinates and points in others is refused: a comma could mean thousands.
    """
    for i, row in enumerate(rows, start=1):
        for cell in row:
            if not is_number(cell):
                raise InputError(f"{where}: point {i} has the coordinate {cell!r}; give a finite number.")
        if len(row) != len(rows[0]):
            raise InputError(f"{where}: point {i} has {len(row)} coordinates, point 1 {len(rows[0])}; give all alike.")
    if has_decimal_comma(rows) and any("." in cell for row in rows for cell in row):
        raise InputError(f"{where} has numbers with a comma and numbers with a point; use decimal points.")
    found = np.array([[float(cell.replace(",", ".")) for cell in row] for row in rows], np.float64)
    if not np.isfinite(found).all():
        raise InputError(f"{where} has a coordinate that is too large for a number; give coordinates in mm.")
    return found.reshape(len(rows), -1)


def written(value: float, decimal_comma: bool = False) -> str:
    """A coordinate as text."""
    return repr(value).replace(".", ",") if decimal_comma else repr(value)

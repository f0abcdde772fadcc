"""Landmarks in tables of text: CSV of any kind, ANTs, 3-D Slicer's fcsv.

Columns are parted by tabs, semicolons, commas or spaces; where commas part nothing, they may be decimal. A header, or a
comment `columns = …` as in fcsv, may name the columns; others than the coordinates do not count. Comments (`#`, `%`)
may give the coordinate system (`CoordinateSystem = RAS`). Without it, tables are in LPS mm, as those of ANTs are.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pairreg.errors import InputError
from pairreg.pair.landmark_files.point_file import LAYOUT, PointFile, points_of, system_named

SPACES = " "
DIALECTS = (("\t", "."), ("\t", ","), (";", "."), (";", ","), (",", "."), (SPACES, "."), (SPACES, ","))
COMMENT = re.compile(r"\s*(#|%|//)")
SYSTEM = re.compile(r"coordinate\s*system\s*=\s*(\S+)", re.IGNORECASE)
NAMED = re.compile(r"columns\s*=\s*(.+)", re.IGNORECASE)
UNITS = "mm|cm|m|µm|um|vox|voxels?|px|pixels?|in"
# `x`, `X (mm)`, `pos_x`, `Position Y [mm]`; 3-D Slicer's tables have r, a, s or l, p, s
PREFIX, UNIT = r"(?:(?:pos|position|coord|coordinate|point|p)[ _.-]*)?", rf"(?:(?:[ _]+|\s*[\[(])({UNITS})[\])]?)?"
COLUMN = re.compile(rf"{PREFIX}([xyzraslpijk]){UNIT}")
AXES = {"xyz": None, "ras": "RAS", "lps": "LPS"}


@dataclass(frozen=True)
class Table:
    """The lines of a text, parted into cells; `first` is the number of the first one that holds points."""

    lines: tuple[str, ...]
    cells: tuple[tuple[int, list[str]], ...]  # of every line with points: its place in `lines`
    header: list[str]
    delimiter: str
    decimal: str


def parse(text: str, path: Path, ndim: int) -> PointFile:
    """The points in `text`, for an image of `ndim` dimensions; raises `InputError` if they cannot be told."""
    comments = [line for line in text.splitlines() if COMMENT.match(line)]
    said = next((found[1] for line in comments if (found := SYSTEM.search(line))), None)
    if said is None and path.suffix.lower() == ".fcsv":
        raise InputError(f"{path} does not say its CoordinateSystem; save it by 3-D Slicer again.")
    reasons: dict[str, str] = {}
    for delimiter, decimal in DIALECTS:
        table = _table(text, delimiter, decimal)
        try:
            columns, system = _columns(table, path, ndim)
            points = _numbers(table, columns)
        except _Unsuited as unsuited:
            if any(len(row) > 1 for _, row in table.cells):
                reasons.setdefault(delimiter, str(unsuited))
            continue
        named = system_named(said, path) if said is not None else system or "LPS"
        return PointFile(points_of(points, path), partial(_text, table, columns), named)
    reason = next(iter(reasons.values()), "no numbers in columns")
    raise InputError(f"{path} cannot be read as landmarks ({reason}); use {LAYOUT}.")


class _Unsuited(Exception):
    """Why a text is no table of points with these delimiters."""


def _table(text: str, delimiter: str, decimal: str) -> Table:
    lines = tuple(text.splitlines())
    comments = [line for line in lines if COMMENT.match(line)]
    header = next((_cells(found[1], ",") for line in comments if (found := NAMED.search(line))), [])
    filled = [(i, line) for i, line in enumerate(lines) if line.strip(" \t;,") and not COMMENT.match(line)]
    rows = [(i, _cells(line, delimiter)) for i, line in filled]
    if rows and not header and not any(_is_number(cell, decimal) for cell in rows[0][1]):
        header, rows = rows[0][1], rows[1:]
    return Table(lines, tuple(rows), header, delimiter, decimal)


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == SPACES:
        return line.split()
    found = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return [cell.strip() for cell in found]


def _is_number(cell: str, decimal: str) -> bool:
    try:
        _number(cell, decimal)
    except ValueError:
        return False
    return True


def _number(cell: str, decimal: str) -> float:
    if "_" in cell or (decimal == "," and "." in cell):  # Python reads 1_000
        raise ValueError(cell)
    return float(cell.replace(decimal, "."))


def _columns(table: Table, path: Path, ndim: int) -> tuple[list[int], str | None]:
    """The columns of x, y and z, and the coordinate system that their names give, if they do."""
    if not table.cells:
        raise _Unsuited("there are no points in it")
    if table.header:
        return _named_columns(table.header, path)
    width = len(table.cells[0][1])
    for line, row in table.cells:
        if any(len(cell.split()) > 1 and all(_is_number(word, ".") for word in cell.split()) for cell in row):
            raise _Unsuited(f"line {line + 1} has several numbers between two {table.delimiter!r}")
    numeric = [c for c in range(width) if all(_has_number(row, c, table.decimal) for _, row in table.cells)]
    if len(numeric) > ndim and len(table.cells) > 1 and _counts(table, numeric[0]):
        numeric = numeric[1:]  # the lines are numbered
    if len(numeric) < 2:
        line, row = next(((i, r) for i, r in table.cells if len(r) < 2), table.cells[0])
        raise _Unsuited(f"line {line + 1} is {' '.join(row)!r}")
    return numeric, None


def _named_columns(header: Sequence[str], path: Path) -> tuple[list[int], str | None]:
    found: dict[str, int] = {}
    for number, name in enumerate(header):
        match = COLUMN.fullmatch(name.strip().lower())
        if match is None:
            continue
        if match[2] not in (None, "mm"):
            raise InputError(f"{path} has the column {name!r}; give coordinates in mm.")
        found.setdefault(match[1], number)
    for axes, system in AXES.items():
        if set(axes[:2]) <= found.keys():
            return [found[axis] for axis in axes if axis in found], system
    if {"i", "j"} <= found.keys():
        raise InputError(f"{path} has the columns {', '.join(header)}: voxel indices; give coordinates in mm.")
    raise _Unsuited(f"its first line, {','.join(header)!r}, names no columns x and y")


def _has_number(row: Sequence[str], column: int, decimal: str) -> bool:
    return column < len(row) and _is_number(row[column], decimal)


def _counts(table: Table, column: int) -> bool:
    """Whether a column numbers the lines, from 0 or 1."""
    values = [_number(row[column], table.decimal) for _, row in table.cells]
    return values in ([*range(len(values))], [*range(1, len(values) + 1)])


def _numbers(table: Table, columns: Sequence[int]) -> list[list[float]]:
    points = []
    for line, row in table.cells:
        if len(row) <= max(columns):
            raise _Unsuited(f"line {line + 1} has only {len(row)} columns")
        broken = [row[c] for c in columns if not _is_number(row[c], table.decimal)]
        if broken:
            raise _Unsuited(f"{broken[0]!r} in line {line + 1} is no number")
        points.append([_number(row[c], table.decimal) for c in columns])
    widths = {len(row) for _, row in table.cells} if not table.header else {0}
    if len(widths) > 1:
        raise _Unsuited("its lines have different numbers of columns")
    return points


def _text(table: Table, columns: Sequence[int], points: np.ndarray) -> str:
    """The text with other points; everything else stays."""
    lines = list(table.lines)
    for (number, row), point in zip(table.cells, points.tolist(), strict=True):
        cells = list(row)
        for column, value in zip(columns, point, strict=True):
            cells[column] = str(value).replace(".", table.decimal)
        lines[number] = _joined(cells, table.delimiter)
    return "\n".join(lines) + "\n"


def _joined(cells: Sequence[str], delimiter: str) -> str:
    if delimiter == SPACES:
        return " ".join(cells)
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(cells)
    return line.getvalue()

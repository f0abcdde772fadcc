"""Points in a table: CSV with any separator, ANTs, and the `.fcsv` and tables of 3-D Slicer."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pairreg.errors import InputError
from pairreg.pair.landmark_files.base import PointFile
from pairreg.pair.landmark_files.header import SLICER_4, Columns, named_columns, system_and_unit
from pairreg.pair.landmark_files.numbers import has_decimal_comma, is_number, numbers, written

COMMENTS = ("#", "%", "//")
SLICER_COLUMNS = re.compile(r"#\s*columns\s*=\s*(.*)")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Comments, a line of names (perhaps none) and rows of cells, which `separator` keeps apart."""

    comments: tuple[str, ...]
    names: tuple[str, ...] | None
    rows: tuple[tuple[str, ...], ...]
    separator: str


def read_table(text: str, where: str, ndim: int) -> PointFile:
    """The points of the columns x, y, z, or of the only columns of numbers if none is named."""
    table = _split(text, where)
    columns = _slicer_columns(table, where) or _named(table, where)
    if columns is not None and table.names is None and not _all_numbers(table.rows[:1], columns):
        table = replace(table, names=table.rows[0], rows=table.rows[1:])
    columns = columns or _unnamed_columns(table.rows, where, ndim)
    _check_rows(table, where)
    system, unit = system_and_unit(columns, table.comments, where)
    cells = [[row[i] if i < len(row) else "" for i in columns.axes] for row in table.rows]
    undefined = [i for i, row in enumerate(table.rows) if not _is_defined(row, columns)]
    for i in undefined:
        cells[i] = ["0"] * len(columns.axes)
    values = numbers(cells, where)
    values[undefined] = np.nan
    comma = has_decimal_comma(cells)
    return PointFile(
        values=values,
        system=system,
        unit=unit,
        names=() if columns.label is None else tuple("".join(row[columns.label :][:1]) for row in table.rows),
        rewritten=lambda new, image: _rewritten(table, columns, new, comma),
    )


def _check_rows(table: Table, where: str) -> None:
    if not table.rows:
        raise InputError(f"{where} holds no landmarks; give a row for each point.")
    for i, row in enumerate(table.rows, start=1):
        if table.names and len(row) > len(table.names):
            what = f"{len(row)} cells under {len(table.names)} names"
            raise InputError(f"{where}: point {i} has {what}; quote cells that hold a {table.separator!r}.")


def _split(text: str, where: str) -> Table:
    lines = [line for line in text.split("\n") if line.strip()]
    comments = tuple(line for line in lines if line.lstrip().startswith(COMMENTS))
    body = [line.strip(" ") for line in lines if not line.lstrip().startswith(COMMENTS)]
    separator = _separator(body)
    if separator == " ":
        body = [line.replace("\t", " ") for line in body]
    try:
        found = list(csv.reader(body, delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise InputError(f"{where} cannot be read as a table ({error}); give a row for each point.") from error
    rows = tuple(_without_empty_end([cell.strip() for cell in row]) for row in found)
    return Table(comments=comments, names=None, rows=tuple(row for row in rows if row), separator=separator)


def _separator(body: Sequence[str]) -> str:
    """What stands in every line outside of quotes: a tab, a semicolon, a comma that is no decimal one, else spaces.

    Commas beside blanks separate, and in a table that blanks separate all cells of the last line are numbers.
    """
    bare = [re.sub(r'"[^"]*"', "", line) for line in body]
    spaced = any(re.search(r",\s|\s,", line) for line in bare)
    decimal = not spaced and all(len(cells) > 1 and all(map(is_number, cells)) for cells in map(str.split, bare[-1:]))
    for candidate in "\t;" if decimal else "\t;,":
        if bare and all(candidate in line for line in bare):
            return candidate
    return " "


def _without_empty_end(cells: list[str]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells.pop()
    return tuple(cells)


def _slicer_columns(table: Table, where: str) -> Columns | None:
    for comment in table.comments:
        match = SLICER_COLUMNS.match(comment)
        if match:
            return named_columns(match[1].split(","), where)
    slicer = any(SLICER_4 in comment for comment in table.comments)
    return named_columns(["id", "x", "y", "z"], where) if slicer else None


def _named(table: Table, where: str) -> Columns | None:
    """The columns as the first row names them, or a comment above it."""
    if table.rows and (found := named_columns(table.rows[0], where)):
        return found
    for comment in reversed(table.comments):
        cells = re.split(r"[\s,;]+", comment.lstrip("#%/ \t"))
        if len(cells) == len(table.rows[0] if table.rows else ()) and (found := named_columns(cells, where)):
            return found
    return None


def _all_numbers(rows: Sequence[Sequence[str]], columns: Columns) -> bool:
    return all(i < len(row) and is_number(row[i]) for row in rows for i in columns.axes)


def _unnamed_columns(rows: Sequence[Sequence[str]], where: str, ndim: int) -> Columns:
    """The columns of numbers; what the columns of a table without names mean has to be clear from their number."""
    width = max((len(row) for row in rows), default=0)
    numeric = [i for i in range(width) if any(is_number(row[i]) for row in rows if i < len(row))]
    if not numeric:
        raise InputError(f"{where} holds no landmarks; give rows of coordinates, under a line x,y,z.")
    if numeric != list(range(numeric[0], numeric[0] + len(numeric))):
        raise InputError(f"{where} has text between its columns of numbers; name them in a first line, such as x,y,z.")
    if len(numeric) > ndim and _is_numbering(rows, numeric[0]):
        what = f"{len(numeric)} columns of numbers, of which the first seems to count the rows"
        raise InputError(f"{where} has {what}; name the columns in a first line, such as number,x,y,z.")
    return Columns(axes=tuple(numeric))


def _is_numbering(rows: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column counts the rows, from 0 or 1."""
    cells = [row[column] for row in rows if column < len(row)]
    return len(rows) > 1 and any(cells == [str(i) for i in range(first, first + len(rows))] for first in (0, 1))


def _is_defined(row: Sequence[str], columns: Columns) -> bool:
    return columns.defined is None or row[columns.defined : columns.defined + 1] != ("0",)


def _rewritten(table: Table, columns: Columns, values: np.ndarray, decimal_comma: bool) -> str:
    """The table with other coordinates; its other columns and its comments, which come first, stay."""
    rows = [list(row) for row in table.rows]
    for row, value in zip(rows, values.tolist(), strict=True):
        for column, coordinate in zip(columns.axes, value, strict=True):
            if coordinate == coordinate:
                row[column] = written(coordinate, decimal_comma)
    text = io.StringIO()
    text.writelines(f"{comment}\n" for comment in table.comments)
    named = [table.names] if table.names else []
    csv.writer(text, delimiter=table.separator, lineterminator="\n").writerows([*named, *rows])
    return text.getvalue()

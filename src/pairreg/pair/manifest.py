"""The table of many pairs: a CSV file with a row per case."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pairreg import names
from pairreg.errors import InputError
from pairreg.files import existing, expanded
from pairreg.pair.parts import IMAGES, POINTS
from pairreg.validation import one_of

REQUIRED = ("case", "fixed", "moving")
COLUMNS = ("case", *IMAGES, *POINTS)
CHANNEL = "channel:"  # begins the columns of images to carry along
FIXED_CHANNEL = "fixed_channel:"  # begins those of the images of the fixed side that terms compare with these
_PREFIXES = {CHANNEL: "channels", FIXED_CHANNEL: "fixed_channels"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """`files` by argument of `load_pair`, channels of both sides by name; `where` begins messages about the row."""

    case: str
    where: str
    files: dict[str, Path] = field(default_factory=dict)
    channels: dict[str, str | Path] = field(default_factory=dict)
    fixed_channels: dict[str, str | Path] = field(default_factory=dict)

    @property
    def paths(self) -> list[str | Path]:
        """Every file of the row."""
        return [*self.files.values(), *self.channels.values(), *self.fixed_channels.values()]

    @property
    def arguments(self) -> dict[str, Any]:
        """What `load_pair` is to read, by its arguments."""
        return {**self.files, "channels": self.channels, "fixed_channels": self.fixed_channels}


def read_manifest(path: str | Path) -> list[Row]:
    """The rows of a manifest; its paths are relative to its folder, an empty cell is no file.

    Raises `InputError` for an unknown, repeated or missing column, a case that is missing, repeated or no name
    for one,
    and a file that does not exist.
    """
    path = existing(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV file ({error}); give a table with a header.") from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    header = lines[0][1] if lines else []
    check_header(header, path)
    rows = [row_of(header, cells, path.parent, f"{path}, line {number}") for number, cells in lines[1:]]
    if not rows:
        raise InputError(f"{path} has no cases; give a row for each, below the header.")
    first: dict[str, Row] = {}
    for row in rows:
        if row.case in first:
            raise InputError(f"{row.where}: the case {row.case!r} is there already; give every case its own name.")
        first[row.case] = row
    return rows


def check_header(header: Sequence[str], path: Path) -> None:
    for name in header:
        prefix, colon, channel = name.partition(":")
        if f"{prefix}{colon}" in _PREFIXES:
            names.check_channel(channel, f"{path}: a channel")
        else:
            one_of(f"{path}: column", name, (*COLUMNS, *(f"{one}NAME" for one in _PREFIXES)))
        if header.count(name) > 1:
            raise InputError(f"{path} has the column {name!r} twice; keep one of them.")
    for name in REQUIRED:
        if name not in header:
            raise InputError(f"{path} has no column {name!r}; begin it with a line such as {','.join(REQUIRED)}.")


def row_of(header: Sequence[str], cells: Sequence[str], folder: Path, where: str) -> Row:
    if len(cells) > len(header):
        raise InputError(f"{where}: {len(cells)} cells under {len(header)} columns; quote names that hold a comma.")
    given = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
    for name in REQUIRED:
        if name not in given:
            raise InputError(f"{where}: {name} is empty; give it for every case.")
    names.check_case(given["case"], f"{where}: a case")
    row = Row(case=given.pop("case"), where=where)
    for name, cell in given.items():
        try:
            file = existing(folder / expanded(cell))
        except InputError as error:
            raise InputError(f"{where}, case {row.case!r}: {name} {error}") from error
        prefix, colon, channel = name.partition(":")
        role = _PREFIXES.get(f"{prefix}{colon}")
        if role is None:
            row.files[name] = file
        else:
            getattr(row, role)[channel] = file
    return row

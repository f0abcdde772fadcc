"""The runs of a study, as their folders tell."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pairreg.errors import InputError
from pairreg.runs.names import COMPLETE

if TYPE_CHECKING:
    from pairreg.runs.figure_arrays import FigureArrays

CONFIG, ERROR = "config.yaml", "error.txt"  # see pairreg.runs.folder
PARTS = ("metrics", "choices", "config", "provenance")


@dataclass(frozen=True)
class Run:
    """A complete run; `choices`, `config` (nested), `metrics` and `provenance` as in its `result.json`."""

    folder: Path
    choices: Mapping[str, str]
    config: Mapping[str, Any]
    metrics: Mapping[str, float]
    provenance: Mapping[str, str]

    @property
    def file(self) -> Path:
        return self.folder / COMPLETE

    @property
    def scene(self) -> "FigureArrays":
        """The arrays of the run, read anew each time: a study of 3-D runs does not fit into memory."""
        from pairreg.runs.figure_arrays import FigureArrays

        try:
            return FigureArrays.read(self.folder)
        except (OSError, KeyError) as error:
            path = self.folder / "result.h5"
            raise InputError(
                f"{path} has no images to draw ({error}); delete {self.folder} and run it again."
            ) from None

    @cached_property
    def history(self) -> dict[str, np.ndarray]:
        """The column `(iterations,)` of every term, `loss` and `level`."""
        with (self.folder / "history.csv").open(newline="") as file:
            names, *rows = csv.reader(file)
        return dict(zip(names, np.array(rows, float).reshape(-1, len(names)).T, strict=True))

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Raises `InputError` if `result.json` is not one."""
        path = folder / COMPLETE
        try:
            content = json.loads(path.read_text())
            return cls(folder, **{part: content[part] for part in PARTS})
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not the result of a run ({error}); delete {folder} and run it again."
            ) from None


@dataclass(frozen=True)
class Incomplete:
    """A run folder without a result: `error` is its last sentence, None if the run is unfinished.

    `task`: the options that were chosen and the command that repeats it, if the run came from a command.
    """

    name: str
    error: str | None
    task: Mapping[str, Any] | None


@dataclass(frozen=True)
class Study:
    folder: Path
    runs: list[Run]
    incomplete: list[Incomplete]

    @property
    def name(self) -> str:
        return self.folder.resolve().name


def read_study(folder: Path) -> Study:
    """All runs in `folder`. Raises `InputError` if none is complete."""
    folders = sorted(path for path in folder.iterdir() if any((path / name).exists() for name in (COMPLETE, CONFIG)))
    runs = [Run.read(path) for path in folders if (path / COMPLETE).exists()]
    incomplete = [
        Incomplete(path.name, last_error(path), task(path)) for path in folders if not (path / COMPLETE).exists()
    ]
    if not runs:
        raise InputError(f"study {folder} has no complete run ({count(incomplete)}); run it first.")
    return Study(folder, runs, incomplete)


def task(folder: Path) -> Mapping[str, Any] | None:
    path = folder / "task.json"
    return json.loads(path.read_text()) if path.exists() else None


def last_error(folder: Path) -> str | None:
    """The message at the end of a traceback, without the name of the exception's module."""
    path = folder / ERROR
    if not path.exists():
        return None
    lines = path.read_text().strip().splitlines() or ["no message"]
    return lines[-1].removeprefix("pairreg.errors.")


def count(incomplete: list[Incomplete]) -> str:
    failed = sum(run.error is not None for run in incomplete)
    return f"{failed} failed, {len(incomplete) - failed} unfinished"

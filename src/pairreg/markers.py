"""Annotations of constructor parameters that say what a setting means to the identity of a run.

A parameter whose type mentions `Path` is an input: its content counts, not its path. The markers here are for the rest;
they stand in `Annotated[TYPE, MARKER]`. See `pairreg.runs.identity`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Neutral:
    """The value with which a setting that an option gained later does what the option did before.

    With that value the setting is not part of a run's identity, so older runs keep their names. `None` is always
    neutral and needs no marker.
    """

    value: Any


@dataclass(frozen=True)
class ContentOf:
    """Which part of a file is an input: `chunks` yields its bytes, given all settings of the option by name."""

    chunks: Callable[[Mapping[str, Any]], Iterable[bytes]]


@dataclass(frozen=True)
class FilesOf:
    """The files that a setting stands for without naming each, such as those of a chain that begins with it.

    `find` returns them, given the setting, each with a text on how it is used.
    """

    find: Callable[[Any], Iterable[tuple[Path, str]]]


@dataclass(frozen=True)
class Bookkeeping:
    """Marks a setting that cannot change a result, such as where a program lies: it is not part of the identity."""

"""Annotations of constructor parameters that say what a setting means to the identity of a run.

A parameter whose type mentions `Path` is an input: its content counts, not its path. The markers here are for the rest;
they stand in `Annotated[TYPE, MARKER]`. See `pairreg.runs.identity`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    """Which files a setting leads to: `files` gives by role what counts of them, given all settings of the option.

    A path counts by the content of its file, anything else as it is. A setting that leads to nothing counts itself.
    """

    files: Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class NamesFiles:
    """A setting with texts for another program, of which those that name files count by the content of these."""


@dataclass(frozen=True)
class Selects:
    """A setting that only says which files of an input are meant: their content counts, not this."""


@dataclass(frozen=True)
class Cases:
    """A setting that names a case, or several by a pattern (`*`, `?`, `[...]` as in a shell), each of them a run.

    `matching` gives the names that it matches, given all settings of the option by name.
    """

    matching: Callable[[Mapping[str, Any]], Sequence[str]]


@dataclass(frozen=True)
class Bookkeeping:
    """Marks a setting that cannot change a result, such as where a program lies: it is not part of the identity."""

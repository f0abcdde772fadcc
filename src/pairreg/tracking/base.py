"""The base of all trackers, which keep an index of runs."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pairreg.optimization.observer import Observer
from pairreg.runs.outcome import Where
from pairreg.runs.spec import Described

Status = Literal["FINISHED", "FAILED", "KILLED"]


class TrackedRun(Observer):
    """One run in the index, as a context: left by an exception, it is marked as failed. Its own methods do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("FINISHED" if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED")

    def finish(self, metrics: Mapping[str, float]) -> None:
        """Record the final metrics."""

    def close(self, status: Status) -> None:
        """Record the files of the run folder, and how the run ended."""


class Tracker(ABC):
    """An index of runs, such as MLflow.

    The process of the command calls `open`, then `complete` and `close`; every process that computes runs calls
    `start`.
    """

    @abstractmethod
    def open(self, study: str, output_dir: Path, tags: Mapping[str, str]) -> None:
        """Connect to the index, make what the study needs in it, and mark runs as killed whose process is gone.

        Raises `InputError` if it cannot be reached.
        """

    @abstractmethod
    def for_runs(self, where: Where) -> "Tracker":
        """Return the tracker for runs that are computed there; it can be pickled."""

    @abstractmethod
    def start(self, run: Described, provenance: Mapping[str, str]) -> TrackedRun:
        """Return a new run in the index, in place of earlier attempts at it.

        If the index is lost, the run is not tracked. `provenance`: where the run comes from, empty if that is not
        known.
        """

    @abstractmethod
    def complete(self, folders: Iterable[Path]) -> None:
        """Add the runs that the index lacks, or has as they ended before, from their folders.

        One that cannot be added is a warning.
        """

    @abstractmethod
    def close(self, report: Path | None = None, summary: Mapping[str, float] | None = None) -> None:
        """End the command in the index.

        **Arguments:** `report`: a folder to keep with the study; `summary`: numbers about the study as a whole, which
        take the place of all earlier ones.
        """

    @abstractmethod
    def hint(self) -> str | None:
        """Return one line that says how to look at the index; None if there is none."""

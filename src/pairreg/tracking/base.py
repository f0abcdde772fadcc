"""What every tracker is: someone who keeps an index of runs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pairreg.optimization.observer import Observer


@dataclass(frozen=True)
class RunInfo:
    """Who a run is: `choices` are what a study varies (`similarity: ncc`), `params` its whole flat configuration."""

    study: str
    signature: str
    folder: Path
    output_dir: Path
    choices: Mapping[str, str]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    part_of_study: bool  # one of several runs, to be grouped under one parent

    @property
    def name(self) -> str:
        return " | ".join(self.choices[group] for group in ("pair", "similarity", "regularizer", "transform"))


class TrackedRun(Observer):
    """One run in the index, as a context: left by an exception, it is marked as failed. Does nothing itself."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run."""

    def finish(self, metrics: Mapping[str, float]) -> None:
        """Record the final metrics and the files of the run folder."""


class Tracker(ABC):
    @abstractmethod
    def start(self, info: RunInfo) -> TrackedRun:
        """A new run in the index. Raises `InputError` if the index cannot be reached."""

    @abstractmethod
    def close(self) -> None:
        """No more runs of this study come from this process."""

    @abstractmethod
    def hint(self) -> str | None:
        """One line that says how to look at the index."""

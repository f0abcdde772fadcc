"""No tracking."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pairreg.runs.outcome import Where
from pairreg.runs.spec import Described
from pairreg.tracking.base import TrackedRun, Tracker


@final
@dataclass
class NoTracker(Tracker):
    """Keeps no index: runs leave their folders only."""

    def open(self, study: str, output_dir: Path, tags: Mapping[str, str]) -> None:
        """Do nothing: there is no index."""

    def for_runs(self, where: Where) -> Tracker:
        del where
        return self

    def start(self, run: Described, provenance: Mapping[str, str]) -> TrackedRun:
        del run, provenance
        return TrackedRun()

    def complete(self, folders: Iterable[Path]) -> None:
        """Do nothing: there is no index."""

    def close(self, report: Path | None = None, summary: Mapping[str, float] | None = None) -> None:
        """Do nothing: there is no index."""

    def hint(self) -> str | None:
        return None

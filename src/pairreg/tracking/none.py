from dataclasses import dataclass

from pairreg.tracking.base import RunInfo, TrackedRun, Tracker


@dataclass
class NoTracker(Tracker):
    """Run folders only."""

    def start(self, info: RunInfo) -> TrackedRun:
        del info
        return TrackedRun()

    def close(self) -> None:
        """Nothing to close."""

    def hint(self) -> str | None:
        return None

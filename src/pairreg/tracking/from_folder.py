"""Runs sent to a tracker from their folders: the folder is the truth, the index can be made again."""

from pathlib import Path

import numpy as np

from pairreg.runs.read import Run
from pairreg.tracking.base import Tracker


def record(folder: Path, tracker: Tracker) -> None:
    """Send a run that is complete or has failed to `tracker` as if it happened now."""
    run = Run(folder.resolve())
    tracked = tracker.start(run, run.provenance if run.is_complete else {})
    if run.has_history:
        columns = dict(run.history)
        columns.pop("iteration")
        tracked.begin(list(columns), [])
        tracked.rows(0, np.array(list(columns.values())).T)
        tracked.end()
    if run.is_complete or run.has_history:
        tracked.finish(run.metrics)
    tracked.close("FINISHED" if run.is_complete else "FAILED")

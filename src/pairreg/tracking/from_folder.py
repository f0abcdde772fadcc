"""What a tracker needs to know of a run, from its folder: the folder is the truth, the index can be made again."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from pairreg.runs.identity import flat
from pairreg.runs.names import COMPLETE
from pairreg.tracking.base import RunInfo, TrackedRun, Tracker


def is_over(folder: Path) -> bool:
    """The run is complete or has failed."""
    return (folder / COMPLETE).exists() or (folder / "error.txt").exists()


def info(folder: Path, tags: Mapping[str, str]) -> RunInfo:
    """`tags` where the folder does not say where the run comes from."""
    config: Any = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
    choices = json.loads((folder / "task.json").read_text())["choices"]
    if (folder / COMPLETE).exists():
        tags = json.loads((folder / COMPLETE).read_text())["provenance"]
    return RunInfo(config["study"], folder.resolve(), choices, flat(config), tags)


def record(folder: Path, tracker: Tracker) -> None:
    """Send a run that is over to `tracker` as if it happened now."""
    tracked = tracker.start(info(folder, {}))
    if (folder / "history.csv").exists():
        replay(folder, tracked)
    tracked.close("FINISHED" if (folder / COMPLETE).exists() else "FAILED")


def replay(folder: Path, tracked: TrackedRun) -> None:
    with (folder / "history.csv").open() as file:
        header, *rows = csv.reader(file)
    tracked.begin(header[1:], [])
    tracked.rows(0, np.array([row[1:] for row in rows], float).reshape(len(rows), -1))
    tracked.end()
    tracked.finish(json.loads((folder / "metrics.json").read_text()))

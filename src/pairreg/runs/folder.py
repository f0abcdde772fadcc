"""The run folder: the names of its files, its state and its lock.

No other package spells the name of a file in a run folder, or tells a run's state from them.
"""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from pairreg.files import all_set_aside, last_written, set_aside
from pairreg.locks import is_held, lock

RESULT = "result.json"  # written last, by rename: it exists if and only if the run is complete
CONFIG = "config.yaml"  # the composed config
SPEC = "task.json"  # the options that were chosen, and the command that repeats the run
ERROR = "error.txt"  # the traceback of a run that failed
LOG = "run.log"
METRICS = "metrics.json"
HISTORY = "history.csv"  # a column per term, a row per iteration
TRANSFORM = "transform.h5"  # the transform as SimpleITK, ANTs and 3-D Slicer read it, defined everywhere
ARRAYS = "result.h5"  # images, field, curves, and what the figures show
FIGURES = "figures"
VIEW = f"{FIGURES}/view.html"  # on request; goes with the figures when the run is computed anew
CHECKPOINT = "checkpoint"  # of a run that is not complete: where it goes on

SPECT = "spect"  # folder of the scan that is simulated of a result
_OF_RESULT = (RESULT, CONFIG, SPEC, ERROR, LOG, METRICS, HISTORY, TRANSFORM, ARRAYS, CHECKPOINT, SPECT)
_IMAGES = (
    "displacement",
    "inverse_displacement",
    "inverse_consistency",
    "jacobian",
    "true_displacement",
    "warped",
)

State = Literal["complete", "running", "failed", "unfinished", "missing"]


def image_file(folder: Path, name: str) -> Path:
    """Return the path of an image of a run.

    `name` is `displacement`, `jacobian`, `warped`, `warped_labels` or `warped_<channel>`.
    """
    return folder / f"{name}.nii.gz"


def is_of_result(name: str) -> bool:
    """Return whether a file of that name is written by a run or of its result, as against what a user puts there."""
    stem = name.removesuffix(image_file(Path(), "").name)
    return name in _OF_RESULT or (stem != name and (stem in _IMAGES or stem.startswith("warped_")))


def beside(folder: Path) -> Path:
    """Return the folder in which a run is computed again while `folder` keeps its result."""
    return folder.with_name(f".{folder.name}.new")


def place_of(folder: Path) -> Path:
    """Return where the files of the run of `folder` lie for a reader: there, unless a replacement was cut by a kill.

    Between the two renames of `files.replace_folder` they lie beside it.
    """
    if os.path.exists(folder) or not os.path.exists(set_aside(folder)):  # False for a name that is too long
        return folder
    return beside(folder) if is_complete(beside(folder)) else set_aside(folder)


def error_file(folder: Path) -> Path:
    """Return the traceback of the run in `folder`, which lies beside it if the folder keeps an earlier result."""
    again = beside(folder) / ERROR
    return again if again.exists() else folder / ERROR


def is_complete(folder: Path) -> bool:
    """Return whether the run in `folder` has left all of its results."""
    return os.path.isfile(folder / RESULT)  # False for a name that is too long, where Path raises


def is_over(folder: Path) -> bool:
    """Return whether the run in `folder` is complete or has failed."""
    return is_complete(place_of(folder)) or error_file(folder).exists()


def state(folder: Path) -> State:
    """Return what can be told of the run in `folder` from outside.

    A run that was killed or interrupted is `unfinished`.
    """
    if is_held(_lock_file(folder)):
        return "running"
    if is_complete(place_of(folder)):
        return "complete"
    if error_file(folder).exists():
        return "failed"
    return "unfinished" if folder.exists() else "missing"


def is_file_of_run(path: Path) -> bool:
    """Return whether a file lies in the folder of a run that has begun, or in one of its own folders."""
    return any((folder / name).is_file() for folder in path.resolve().parents[:2] for name in (SPEC, RESULT))


def run_folders(study_folder: Path) -> list[Path]:
    """Return the folders of all runs of a study, in whatever state, by name."""
    found = {path: place_of(path) for path in (*study_folder.glob("[!.]*"), *all_set_aside(study_folder))}
    return sorted(path for path, place in found.items() if (place / CONFIG).exists() or is_complete(place))


def last_change(study_folder: Path) -> float:
    """Return when a run of a study last ended, or a file beside its runs was written, in seconds since the epoch."""
    ends = [end for folder in run_folders(study_folder) for end in (place_of(folder) / RESULT, error_file(folder))]
    beside_runs = [path for path in study_folder.iterdir() if path.is_file()]
    return max((0.0, *(last_written(path) for path in (*ends, *beside_runs))))


def _lock_file(folder: Path) -> Path:
    """Return the lock file of a run.

    It lies beside the run folders, so that a run that never began leaves no folder.
    """
    return folder.parent / ".locks" / folder.name


def lock_run(folder: Path, wait: bool = False) -> AbstractContextManager[None]:
    """Be the only process that works in `folder`; raises `Busy` if another one does, or waits for its end."""
    return lock(_lock_file(folder), wait)

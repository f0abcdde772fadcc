"""The runs of a study, read from their folders."""

from dataclasses import dataclass
from pathlib import Path

from pairreg.errors import InputError
from pairreg.runs.folder import run_folders
from pairreg.runs.read import Run


@dataclass(frozen=True)
class StudyRuns:
    """The study in `folder`: its complete `runs`, and the `incomplete` ones, which have failed or are unfinished."""

    folder: Path
    runs: list[Run]
    incomplete: list[Run]

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.folder.resolve().name


def read_study(folder: Path) -> StudyRuns:
    """Return all runs in `folder`; raises `InputError` if none is complete, or a result is damaged."""
    found = [Run(path) for path in run_folders(folder)]
    complete = [Run.complete(run.folder) for run in found if run.is_complete]
    incomplete = [run for run in found if not run.is_complete]
    if not complete:
        raise InputError(f"study {folder} has no complete run ({_count(incomplete)}); run it first.")
    return StudyRuns(folder, complete, incomplete)


def _count(incomplete: list[Run]) -> str:
    """Return how many failed and how many are unfinished, as in `2 failed, 1 unfinished`."""
    failed = sum(run.error is not None for run in incomplete)
    return f"{failed} failed, {len(incomplete) - failed} unfinished"

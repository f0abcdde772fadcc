"""The runs of a study, read from their folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pairreg.errors import InputError
from pairreg.runs.comparison import Comparison
from pairreg.runs.folder import run_folders
from pairreg.runs.read import Run


@dataclass(frozen=True)
class StudyRuns:
    """The study in `folder`.

    **Attributes:** `runs`: the complete ones; `incomplete`: those that have failed or are unfinished; `comparison`: how
    the settings were chosen that the study compares, None if all of its runs are compared.
    """

    folder: Path
    runs: list[Run]
    incomplete: list[Run]
    comparison: Comparison | None = None

    @property
    def judged(self) -> list[Run]:
        """The runs with the settings that a search has chosen; none if none has chosen any."""
        judged = self.comparison.judged if self.comparison else set()
        return [run for run in self.runs if run.signature in judged]

    @property
    def compared(self) -> list[Run]:
        """The runs that are ranked: those with the chosen settings, without those that only chose; else all."""
        return self.judged or self.runs

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.folder.resolve().name


def read_study(folder: Path) -> StudyRuns:
    """Return all runs in `folder`; raises `InputError` if none is complete, or a result is damaged."""
    found = [Run.at(path) for path in run_folders(folder)]
    complete = [Run.complete(run.folder) for run in found if run.is_complete]
    incomplete = [run for run in found if not run.is_complete]
    if not found:
        raise InputError(f"{folder} has no run of a study; give the name of a study, or its folder, runs/STUDY.")
    if not complete:
        raise InputError(f"study {folder} has no complete run ({_count(incomplete)}); run it first.")
    return StudyRuns(folder, complete, incomplete, Comparison.read(folder))


def together(folders: Sequence[Path], place: Path) -> StudyRuns:
    """Return what several studies compare as one study, to be reported on in `place`; a run of two of them counts once.

    Where Python has saved a result under a name of its own, without a config, the name says nothing of what it is.
    Raises `InputError` as `read_study` does, and for a study that should have chosen settings, and has none to compare.
    """
    studies = [read_study(folder) for folder in folders]
    for study in studies:
        if study.comparison is not None and not study.judged:
            raise InputError(f"study {study.folder} has a result with no setting that it chose; report on it alone.")
    every = [run for study in studies for run in study.compared]
    runs = {run.signature if run.config else str(run.folder.resolve()): run for run in every}
    return StudyRuns(place, list(runs.values()), [run for study in studies for run in study.incomplete])


def _count(incomplete: list[Run]) -> str:
    """Return how many failed and how many are unfinished, as in `2 failed, 1 unfinished`."""
    failed = sum(run.error is not None for run in incomplete)
    return f"{failed} failed, {len(incomplete) - failed} unfinished"

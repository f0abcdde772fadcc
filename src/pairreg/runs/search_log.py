"""The searches of a study: Optuna's journal in its folder, in which each search is an Optuna study."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pairreg.errors import InputError
from pairreg.runs.comparison import SEARCH_LOG

_CANDIDATE = "candidate"  # attribute of an Optuna study: what it is the search for, "" if that is the only one
ERROR = "error"  # attribute of a trial: why it failed; one that a killed process left has none, and is repeated


def open_log(log: Path) -> JournalStorage:
    """Return the storage in a journal file, which is made if it is not there."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return JournalStorage(JournalFileBackend(str(log)))


@dataclass(frozen=True)
class Search:
    """One search, as Optuna's `study`."""

    study: optuna.Study

    @classmethod
    def begin(cls, log: Path, name: str, objectives: Mapping[str, str], candidate: str) -> "Search":
        """Return the search called `name` in a journal, begun if it is not there.

        **Arguments:** `objectives`: metric -> `"minimize"` or `"maximize"`; `candidate`: what it searches settings for.

        Raises `InputError` for a damaged journal.
        """
        directions = [StudyDirection[direction.upper()] for direction in objectives.values()]
        _cut_to_whole_records(log)
        with warnings.catch_warnings(), _readable(log):
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = open_log(log)
            study = optuna.create_study(study_name=name, storage=storage, directions=directions, load_if_exists=True)
            if study.metric_names is None:
                study.set_metric_names(list(objectives))
            if study.user_attrs.get(_CANDIDATE) != candidate:
                study.set_user_attr(_CANDIDATE, candidate)
        return cls(study)

    @property
    def candidate(self) -> str:
        """The thing that settings were searched for, empty if nothing was compared."""
        return str(self.study.user_attrs[_CANDIDATE])

    @property
    def objectives(self) -> list[str]:
        """The metrics that are searched for."""
        return list(self.study.metric_names or ())

    def in_state(self, *states: TrialState) -> list[FrozenTrial]:
        """Return the trials in one of these states, by number."""
        return self.study.get_trials(deepcopy=False, states=states)

    @property
    def complete(self) -> list[FrozenTrial]:
        """The complete trials, by number."""
        return self.in_state(TrialState.COMPLETE)

    @property
    def ended(self) -> list[FrozenTrial]:
        """The trials that count: those that are complete, or were pruned."""
        return self.in_state(TrialState.COMPLETE, TrialState.PRUNED)

    def is_flat(self, objective: int) -> bool:
        """Return whether all complete trials have the same value of the objective with this index."""
        return len({trial.values[objective] for trial in self.complete}) < 2

    @property
    def counted(self) -> str:
        """How many trials there are in each state, as in `20 complete trials, 3 pruned, 1 failed`."""
        complete = len(self.complete)
        failed = [trial for trial in self.in_state(TrialState.FAIL) if ERROR in trial.user_attrs]
        others = {
            "pruned": len(self.in_state(TrialState.PRUNED)),
            "failed": len(failed),
            "running": len(self.in_state(TrialState.RUNNING)),
        }
        return ", ".join(
            [f"{complete} complete trial{'s' * (complete != 1)}", *(f"{n} {state}" for state, n in others.items() if n)]
        )

    @property
    def best(self) -> list[FrozenTrial]:
        """The best trial, or the Pareto front of several objectives, ordered by the first of them."""
        if not self.complete:
            return []
        front = self.study.best_trials
        return sorted(front, key=lambda trial: trial.values) if len(self.objectives) > 1 else front[:1]


def read_searches(study_folder: Path) -> Sequence[Search]:
    """Return the searches of a study, as they were begun; raises `InputError` for a damaged journal."""
    return searches_in(study_folder / SEARCH_LOG)


def searches_in(log: Path) -> Sequence[Search]:
    """Return the searches in a journal, none if it is not there; raises `InputError` for one that is damaged."""
    if not log.is_file():
        return []
    with _readable(log):
        storage = open_log(log)
        names = optuna.get_all_study_names(storage)
        found = [Search(optuna.load_study(study_name=name, storage=storage)) for name in names]
    return [search for search in found if search.objectives]  # older versions left no names


@contextmanager
def _readable(log: Path) -> Iterator[None]:
    """Raise `InputError` for what Optuna raises in the block where a journal is damaged."""
    try:
        yield
    except (ValueError, KeyError, AssertionError) as error:
        raise InputError(f"{log} is damaged ({error}); remove it, and the search begins anew.") from None


def _cut_to_whole_records(log: Path) -> None:
    """Cut off the beginning of a record that a full disk has left at the end of a journal: the next would join it."""
    if not log.exists() or _whole(log) == log.stat().st_size:
        return
    lock = JournalFileSymlinkLock(str(log))
    lock.acquire()  # perhaps another process is writing that record
    try:
        os.truncate(log, _whole(log))
    finally:
        lock.release()


def _whole(log: Path) -> int:
    """Return how many bytes of a journal are whole records, each of which ends in a newline."""
    return log.read_bytes().rfind(b"\n") + 1

"""The trials of a search: kept on disk by Optuna, shared by processes, continued after a crash."""

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, MedianPruner, NopPruner, WilcoxonPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import Trial, TrialState

from pairreg import validation
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.search_log import ERROR, Search
from pairreg.search.space import Distribution
from pairreg.search.trial_locks import TrialLocks

SAMPLERS = {"tpe": TPESampler, "random": RandomSampler}
PRUNERS: dict[str, type[BasePruner]] = {"wilcoxon": WilcoxonPruner, "median": MedianPruner}
_SUCCEEDS = "succeeds"  # attribute of a trial: the number of the abandoned trial that it repeats


class Trials:
    """The trials of a search, which is an Optuna study in a journal file.

    A journal and not SQLite, because the folder of a study may lie on a cluster's NFS, where SQLite's locks fail; each
    record is appended and synchronised as one line, so a killed process leaves whole records; what a full disk has kept
    of one is cut off. Optuna's heartbeat exists for databases and `Study.optimize` only: `TrialLocks` say on which
    trials a process works.

    One invocation at a time with the same seed always gives the same trials: the sampler of each batch is seeded by the
    seed and the number of trials started before, abandoned ones not counted. With several invocations at a time the
    order in which they ask and tell decides.

    **Arguments:**

    - `log`: the journal; `log` with `.lock` added by Optuna, and our folder, `log` with `.locks` added, lie beside it.
    - `name`: which of the searches in the journal; a changed question needs a new name.
    - `objectives`: metric -> `"minimize"` or `"maximize"`.
    - `free`: what to vary.
    - `wanted`: number of trials that are complete or pruned, over all invocations.
    - `sampler`, `seed`: what chooses the values.
    - `pruner`: what says that a trial is not worth going on, `"wilcoxon"` or `"median"`; None: nothing.
    - `candidate`: what settings are searched for, as the report calls it.
    """

    def __init__(
        self,
        log: Path,
        name: str,
        objectives: Mapping[str, str],
        free: Mapping[str, Distribution],
        wanted: int,
        sampler: str = "tpe",
        seed: int = 0,
        pruner: str | None = None,
        candidate: str = "",
    ):
        self.objectives, self.free, self.wanted = objectives, free, wanted
        self.sampler, self.seed = SAMPLERS[sampler], seed
        log.parent.mkdir(parents=True, exist_ok=True)
        self.locks = TrialLocks(log.with_name(f"{log.name}.locks") / name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            prunes = PRUNERS[pruner]() if pruner else NopPruner()
        with self.locks.alone():
            self.search = Search.begin(log, name, objectives, candidate)
        self.study = self.search.study
        self.study.pruner = prunes

    def ask(self, batch: int) -> list[Trial]:
        """Return the next trials, at most `batch`; none if all that are wanted are complete or being worked on.

        Repeats of abandoned trials come first and alone, so that a batch sees the same history as without the crash.
        """
        with self.locks.alone():
            # Abandoned trials are dealt with first, as they count as running until then.
            self.repeat_abandoned()
            taken = self.search.in_state(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
            waiting = self.search.in_state(TrialState.WAITING)
            self.study.sampler = self.seeded_sampler()
            asked = []
            for _ in range(min(self.wanted - len(taken), batch, len(waiting) or batch)):
                asked.append(self.study.ask(dict(self.free)))
                self.locks.claim(asked[-1].number)
            return asked

    def repeat_abandoned(self) -> None:
        """Put the trials that a killed process was working on into the queue, each once."""
        repeated = {trial.user_attrs.get(_SUCCEEDS) for trial in self.study.get_trials(deepcopy=False)}
        for trial in self.search.in_state(TrialState.RUNNING):
            if self.locks.is_claimed(trial.number):
                continue
            if trial.number not in repeated:
                sampled = len(trial.params) == len(self.free)
                params = trial.params if sampled else trial.system_attrs.get("fixed_params", {})
                self.study.enqueue_trial(params, user_attrs={_SUCCEEDS: trial.number})
            self.study.tell(trial.number, state=TrialState.FAIL)

    def seeded_sampler(self) -> BaseSampler:
        """Return a sampler seeded by the seed and the number of trials started so far, repeats not counted."""
        started = self.search.in_state(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
        repeats = [trial for trial in self.study.get_trials(deepcopy=False) if _SUCCEEDS in trial.user_attrs]
        entropy = (self.seed, len(started) - len(repeats))
        return self.sampler(seed=int(np.random.SeedSequence(entropy).generate_state(1)[0]))

    def tell(
        self, trial: Trial, outcomes: Sequence[RunOutcome], planned: int = 1, problem: str | None = None
    ) -> str | None:
        """End a trial with the mean of each objective over its runs; return why if it failed.

        One with fewer outcomes than `planned` or with paused runs, and no failure among them, was pruned. `problem`
        says why there can be no runs with its settings.

        Raises `InputError` if an objective is no metric of the runs.
        """
        trial.set_user_attr("signatures", [s for outcome in outcomes for s in outcome.signatures])
        reason = problem or next((why for outcome in outcomes if (why := self.failure(outcome))), None)
        if reason:
            trial.set_user_attr(ERROR, reason)
            self.study.tell(trial, state=TrialState.FAIL)
        elif len(outcomes) < planned or any(outcome.state == "paused" for outcome in outcomes):
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, [_mean(name, outcomes) for name in self.objectives])
        self.locks.release(trial.number)  # after the trial has been ended, or another process would repeat it
        if reason and not self.search.complete:
            self.check_names({name for outcome in outcomes for name in outcome.metrics})
        return reason

    def is_worth_going_on(self, trial: Trial, outcomes: Sequence[RunOutcome], step: int) -> bool:
        """Return whether a trial may still be a good one, after the runs that a step of it has added or continued.

        A failed run ends it. Of the others, the pruner compares the mean of the only objective with that of other
        trials at the same step.
        """
        if any(self.failure(outcome) for outcome in outcomes):
            return False
        (name,) = self.objectives
        trial.report(_mean(name, outcomes), step)
        return not trial.should_prune()

    def failure(self, outcome: RunOutcome) -> str | None:
        """Return why the objectives of a run do not exist or are not finite; None if they are."""
        if outcome.error:
            return f"run {outcome.signature} failed: {outcome.error}"
        for name in self.objectives:
            if not math.isfinite(outcome.metrics.get(name, math.nan)):
                return f"run {outcome.signature} has {name} = {outcome.metrics.get(name)}"
        return None

    def check_names(self, measured: set[str]) -> None:
        """Raise `InputError` for an objective that is none of the `measured` metrics."""
        shown = sorted(name for name in measured if not name.startswith(("before/", "initial/")))
        for name in self.objectives:
            if measured and name not in measured:
                validation.one_of("hydra.sweeper.objectives: metric", name, shown)

    def close(self) -> None:
        """Give up the locks: what is still running counts as abandoned from now on."""
        self.locks.close()


def _mean(name: str, outcomes: Sequence[RunOutcome]) -> float:
    """Return the mean of a metric over runs."""
    return fmean(outcome.metrics[name] for outcome in outcomes)

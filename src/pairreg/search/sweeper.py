"""A search for good settings: a Hydra sweeper over Optuna's ask and tell.

hydra-optuna-sweeper 1.4, the first for Optuna 5, needs Hydra 1.4; its syntax is kept, see `pairreg.search.space`.
"""

import hashlib
import math
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pairreg import validation
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.metrics.catalogue import CATALOGUE, find
from pairreg.runs.comparison import Candidate, Comparison
from pairreg.runs.outcome import RunOutcome
from pairreg.search.base import StudySweeper, settings_node, values_of

if TYPE_CHECKING:
    from optuna.trial import Trial

    from pairreg.search.pair_split import PairSplit
    from pairreg.search.space import Space
    from pairreg.search.trials import Trials

_FAILURES = 10  # that many trials in a row, and the search gives up
_FEWEST = 4  # pairs, with which the pruner's test can reach its threshold


@dataclass
class SearchConf:
    """The settings of `hydra/sweeper=pairreg_search`."""

    _target_: str = "pairreg.search.sweeper.SearchSweeper"
    _convert_: str = "all"  # plain dictionaries
    objectives: dict[str, str] = field(default_factory=dict)  # metric of a run -> minimize or maximize
    space: dict[str, str] = field(default_factory=dict)  # key -> sweep, such as tag(log, interval(0.1, 10))
    trials: int = 30  # complete ones wanted, over all invocations of the same search
    minutes: float | None = None  # after which no trial is begun; null: no bound
    pruner: str = "none"  # wilcoxon: a trial ends when the pairs so far say that it is worse than the best one
    batch: int = 1  # trials launched together
    seed: int = 0  # of the sampler
    sampler: str = "tpe"  # or random
    storage: str | None = None  # journal of the trials; null: search.log in the folder of the study
    per: list[str] = field(default_factory=list)  # keys whose values have a search each, and are compared at their best
    zip: list[list[str]] = field(default_factory=list)  # groups of keys that advance together
    tune: list[str] = field(default_factory=list)  # names of the pairs that choose; none: all


class SearchSweeper(StudySweeper):
    """Asks Optuna for trials, has the launcher run them on every pair and seed, tells the mean of each objective.

    Hydra makes it by its name and then calls `setup` and `sweep`. What `per` names has a search for each of its values;
    their best settings are then compared, on the pairs that `tune` leaves.
    """

    def __init__(self, **settings: Any):
        self.settings = SearchConf(**settings)

    def sweep(self, arguments: list[str]) -> None:
        """Run trials until the wanted number is complete; print the best, and compare them if there is something to.

        Raises `InputError` for settings that cannot be searched, and when too many trials in a row fail.
        """
        space, split = self.check(arguments)
        candidates: list[Candidate] = []
        jobs: list[list[list[str]]] = []
        for candidate in space.compared:
            own = replace(space.of(candidate), replicates=split.tuning)
            with closing(self.trials(own)) as trials:
                self.run(trials, own)
                self.show(trials, own, values_of(candidate))
                complete, best = trials.complete(), trials.best()
            tried = [trial.user_attrs["signatures"] for trial in complete]
            for trial in best:
                label = values_of(candidate) if self.settings.per else f"trial {trial.number}"
                chosen = [one.number for one in complete].index(trial.number)
                candidates.append(Candidate(label, tried, chosen))
                jobs.append(replace(own, replicates=split.test).jobs(trial.params))
        if self.settings.per or split.names:
            names = " and ".join(self.settings.objectives)
            rule = f"at the best {names} of {self.settings.trials} trials{' each' * bool(self.settings.per)}"
            self.judge(Comparison(rule, None, split.names, candidates), jobs)

    def trials(self, space: "Space") -> "Trials":
        """Return the trials of a search, with those of earlier commands."""
        from pairreg.search.trials import Trials

        settings = self.settings
        return Trials(
            Path(settings.storage or self.study_folder / "search.log"),
            self.identity(space),
            settings.objectives,
            space.free,
            settings.trials,
            settings.sampler,
            settings.seed,
        )

    def check(self, arguments: list[str]) -> "tuple[Space, PairSplit]":
        """Return the space and the pairs of the search; raises `InputError` for what cannot be searched."""
        from pairreg.search.pair_split import split
        from pairreg.search.space import read_space
        from pairreg.search.trials import SAMPLERS

        settings = self.settings
        if not settings.objectives:
            raise InputError("hydra.sweeper.objectives is empty: give metrics, such as {dice_mean: maximize}.")
        for name, direction in settings.objectives.items():
            validation.one_of(f"hydra.sweeper.objectives.{name}", direction, ("minimize", "maximize"))
            if find(name) is None:
                known = [metric.name for metric in CATALOGUE if metric.gives(metric.name)]
                validation.one_of("hydra.sweeper.objectives: metric", name, known)
        validation.one_of("hydra.sweeper.sampler", settings.sampler, SAMPLERS)
        validation.one_of("hydra.sweeper.pruner", settings.pruner, ("none", "wilcoxon"))
        validation.check_value(validation.Positive | None, settings.minutes, "hydra.sweeper.minutes")
        for name, kind in (("trials", validation.Count), ("batch", validation.Count), ("seed", validation.Seed)):
            validation.check_value(kind, getattr(settings, name), f"hydra.sweeper.{name}")
        space = read_space(self.parsed(settings.space, arguments), per=settings.per, paired=settings.zip)
        if not space.free:
            raise InputError("a search needs something to vary: give hydra.sweeper.space, or KEY='interval(0.1, 10)'.")
        if settings.per and len(settings.objectives) > 1:
            raise InputError("hydra.sweeper.per compares best settings, which one objective has; it has several.")
        for key in settings.per:
            if not any(override.startswith(f"{key}=") for override in space.compared[0]):
                raise InputError(f"hydra.sweeper.per: {key} has no values to compare; give them, such as {key}=a,b.")
        first = space.of(space.compared[0])
        prunes = settings.pruner != "none"
        found = split(space.replicates, settings.tune, lambda r: self.spec(_one_job(first, r)), each=prunes)
        if prunes and (len(settings.objectives) > 1 or len(found.tuning) < _FEWEST):
            raise InputError(
                f"hydra.sweeper.pruner={settings.pruner} compares trials pair by pair: it needs one objective and at "
                f"least {_FEWEST} pairs or seeds, and has {len(settings.objectives)} and {len(found.tuning)}."
            )
        return space, found

    def identity(self, space: "Space") -> str:
        """Return eight hex digits that are the same for searches that may share trials.

        These have the same objectives, space, sampler, seed, and other settings.
        """
        runs = sorted(self.spec(job).signature for job in space.jobs(space.example()))
        pruner = [self.settings.pruner] if self.settings.pruner != "none" else []
        question = (self.settings.objectives, space.free, self.settings.sampler, self.settings.seed, runs, *pruner)
        return hashlib.sha1(repr(question).encode()).hexdigest()[:8]

    def run(self, trials: "Trials", space: "Space") -> None:
        """Ask for trials, launch their runs and tell the outcomes, batch by batch, until the time is over."""
        failed = 0
        minutes = self.settings.minutes
        until = math.inf if minutes is None else time.monotonic() + 60 * minutes
        while time.monotonic() < until and (asked := trials.ask(self.settings.batch)):
            for trial, outcomes in zip(asked, self.measured(trials, space, asked), strict=True):
                why = trials.tell(trial, outcomes, len(space.replicates))
                failed = failed + 1 if why else 0
                if failed == _FAILURES:
                    raise InputError(f"{_FAILURES} trials in a row failed, the last because {why}")

    def measured(self, trials: "Trials", space: "Space", asked: Sequence["Trial"]) -> list[list[RunOutcome]]:
        """Return the outcomes of each trial: on all pairs at once, or pair by pair as long as it is not pruned."""
        found: list[list[RunOutcome]] = [[] for _ in asked]
        going = list(zip(asked, found, strict=True))
        steps = [space.replicates] if self.settings.pruner == "none" else [[one] for one in space.replicates]
        for replicates in steps:
            jobs = [replace(space, replicates=replicates).jobs(trial.params) for trial, _ in going]
            outcomes = iter(self.launch([job for some in jobs for job in some]))
            for (_, own), some in zip(going, jobs, strict=True):
                own += [next(outcomes) for _ in some]
            if len(steps) > 1:
                going = [(trial, own) for trial, own in going if trials.is_worth_going_on(trial, own, len(steps))]
        return found

    def show(self, trials: "Trials", space: "Space", candidate: str) -> None:
        """Print the best trials, of which candidate they are, and the commands that repeat them."""
        from optuna.trial import TrialState

        from pairreg.search.pareto_table import commands, front_table

        terminal = console()
        if running := len(trials.in_state(TrialState.RUNNING)):
            terminal.print(f"{running} more trials run in other processes")
        if pruned := len(trials.in_state(TrialState.PRUNED)):
            terminal.print(f"{pruned} trials were pruned: worse than the best one on the pairs that they had")
        if candidate:
            terminal.print(f"[bold]{candidate}[/bold]")
        best = trials.best()
        terminal.print(front_table(best, len(trials.complete()), self.settings.objectives, space))
        for trial in best:
            for command in commands(trial, space):
                terminal.print(command, soft_wrap=True, highlight=False)


def _one_job(space: "Space", replicate: Sequence[str]) -> list[str]:
    """Return the overrides of some run of a space on one pair."""
    return replace(space, replicates=[replicate]).jobs(space.example())[0]


def search_node() -> DictConfig:
    """Return the defaults of `hydra/sweeper=pairreg_search`."""
    return settings_node(SearchConf, "objectives", "space")

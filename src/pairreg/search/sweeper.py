"""A search for good settings: a Hydra sweeper over Optuna's ask and tell.

hydra-optuna-sweeper 1.4, the first for Optuna 5, needs Hydra 1.4; its syntax is kept, see `pairreg.search.space`.
"""

import hashlib
import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pairreg import option_files, validation
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.files import expanded, folder_to_be
from pairreg.metrics.catalogue import CATALOGUE, find
from pairreg.runs.comparison import SEARCH_LOG, Candidate, Comparison
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.search.base import StudySweeper, settings_node, values_of
from pairreg.study.cases import expand
from pairreg.study.study import check_usable

if TYPE_CHECKING:
    from optuna.trial import Trial

    from pairreg.runs.search_log import Search
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
    minutes: float | None = None  # of the whole command, after which no trial is begun; null: no bound
    pruner: str = "none"  # what ends a trial early; wilcoxon: pair by pair, if these say that it is worse than the best
    # one; median: level by level, if its objective at the end of one is worse than that of most complete trials there
    batch: int = 1  # trials launched together
    seed: int = 0  # of the sampler
    sampler: str = "tpe"  # or random
    storage: str | None = None  # journal of the trials; null: search.log in the folder of the study, for its report
    per: list[str] = field(default_factory=list)  # keys whose values have a search each, and are compared at their best
    zip: list[list[str]] = field(default_factory=list)  # groups of keys that advance together
    tune: list[str] = field(default_factory=list)  # names of the pairs that choose; none: all


class SearchSweeper(StudySweeper):
    """Asks Optuna for trials, has the launcher run them on every pair and seed, tells the mean of each objective.

    Hydra makes it by its name and then calls `setup` and `sweep`. What `per` names has a search for each of its values;
    their best settings are then compared, on the pairs that `tune` leaves. These searches share the `minutes` equally.
    """

    def __init__(self, **settings: Any):
        self.settings = SearchConf(**settings)

    def sweep(self, arguments: list[str]) -> None:
        """Run trials until the wanted number is complete; print the best, and compare them if there is something to.

        Raises `InputError` for settings that cannot be searched, for a search that is to be repeated although it has
        its trials, and when too many trials in a row fail.
        """
        space, split = self.check(arguments)
        candidates: list[Candidate] = []
        jobs: list[list[list[str]]] = []
        searches = [replace(space.of(candidate), replicates=split.tuning) for candidate in space.compared]
        runs = self.examples(searches)
        identities = [self.identity(own, some) for own, some in zip(searches, runs, strict=True)]
        if self.config.dry_run:
            self.show_examples(searches)
        over = self.over()
        if self.config.rerun and over.issuperset(identities):
            said = f"rerun=true repeats runs, and no trial of a search that has all {self.settings.trials} of them"
            raise InputError(f"{said}; remove {self.log}, or give another study or hydra.sweeper.seed.")
        todo = [spec for name, some in zip(identities, runs, strict=True) if name not in over for spec in some]
        if todo and split.names:
            todo += self.specs([_one_job(searches[0], replicate) for replicate in split.test])
        self.check_usable(todo)
        until = shares(self.settings.minutes, len(searches))
        for own, name, candidate in zip(searches, identities, space.compared, strict=True):
            with closing(self.trials(own, name, values_of(candidate))) as trials:
                self.run(trials, own, next(until))
                self.show(trials.search, own)
                found = self.found(trials.search)
            candidates += [one for one, _ in found]
            jobs += [replace(own, replicates=split.test).jobs(params) if params else [] for _, params in found]
        if self.settings.per or split.names:
            names = " and ".join(self.settings.objectives)
            rule = f"at the best {names} of a search{' each' * bool(self.settings.per)}"
            self.judge(Comparison(rule, None, split.names, candidates), jobs)

    def show_examples(self, searches: Sequence["Space"]) -> None:
        """Launch the runs of one trial of each search, of which a dry run shows a table, and ends."""
        settings, runs = self.settings, len(searches[0].replicates)
        count = f"{settings.trials} trials" + f" for each of {len(searches)} candidates" * (len(searches) > 1)
        bound = f", begun within {settings.minutes:g} minutes" if settings.minutes else ""
        console().print(f"{count}, of {runs} run{'s' * (runs > 1)} each{bound}; one of them would be", highlight=False)
        self.launch([job for one in searches for job in one.jobs(one.example())])

    def found(self, search: "Search") -> list[tuple[Candidate, Mapping[str, Any]]]:
        """Return what a search offers to the comparison, each with its parameters: its best trial, or its front."""
        best, objectives = search.best, self.settings.objectives
        complete = search.complete  # read after the best ones, which another process may add to
        tried = [trial.user_attrs["signatures"] for trial in complete]
        if not complete:
            problem = f"no trial is complete ({search.counted})"
            return [(Candidate(search.candidate or "search", tried, None, problem=problem), {})]
        found: list[tuple[Candidate, Mapping[str, Any]]] = []
        for trial in best:
            values = [f"{name} {value:.4g}" for name, value in zip(objectives, trial.values, strict=True)]
            label = search.candidate or f"trial {trial.number}"
            reached = f"{', '.join(values)} ({search.counted})"
            found.append((Candidate(label, tried, complete.index(trial), reached=reached), trial.params))
        return found

    def trials(self, space: "Space", name: str, candidate: str) -> "Trials":
        """Return the trials of the search for a candidate, which has an identity, with those of earlier commands."""
        from pairreg.search.trials import Trials

        settings = self.settings
        return Trials(
            self.log,
            name,
            settings.objectives,
            space.free,
            settings.trials,
            settings.sampler,
            settings.seed,
            None if settings.pruner == "none" else settings.pruner,
            candidate,
        )

    def check(self, arguments: list[str]) -> "tuple[Space, PairSplit]":
        """Return the space and the pairs of the search; raises `InputError` for what cannot be searched."""
        from pairreg.search.pair_split import split
        from pairreg.search.space import read_space
        from pairreg.search.trials import PRUNERS, SAMPLERS

        settings = self.settings
        if not settings.objectives:
            raise InputError("hydra.sweeper.objectives is empty: give metrics, such as {dice_mean: maximize}.")
        for name, direction in settings.objectives.items():
            validation.one_of(f"hydra.sweeper.objectives.{name}", direction, ("minimize", "maximize"))
            if find(name) is None:
                known = [metric.name for metric in CATALOGUE if metric.gives(metric.name)]
                validation.one_of("hydra.sweeper.objectives: metric", name, known)
        validation.one_of("hydra.sweeper.sampler", settings.sampler, SAMPLERS)
        validation.one_of("hydra.sweeper.pruner", settings.pruner, ("none", *PRUNERS))
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
        pruner = settings.pruner
        found = split(space.replicates, settings.tune, lambda r: self.spec(_one_job(first, r)), each=pruner != "none")
        if pruner != "none" and len(settings.objectives) > 1:
            raise InputError(f"hydra.sweeper.pruner={pruner} compares trials by one objective; there are several.")
        if pruner == "wilcoxon" and len(found.tuning) < _FEWEST:
            raise InputError(
                f"hydra.sweeper.pruner=wilcoxon compares trials pair by pair: it needs at least {_FEWEST} pairs or "
                f"seeds, and has {len(found.tuning)}."
            )
        if pruner == "median" and _levels(self.spec(_one_job(first, found.tuning[0]))) < 2:
            raise InputError(
                "hydra.sweeper.pruner=median compares trials level by level: it needs a schedule of several levels."
            )
        return space, found

    def examples(self, spaces: Sequence["Space"]) -> list[list[RunSpec]]:
        """Return runs of each search, in which there is every value that is no number.

        Raises `InputError` for a value, of any search, with which there can be no run.
        """
        jobs = [[job for params in space.examples() for job in space.jobs(params)] for space in spaces]
        specs = iter(self.specs([job for some in jobs for job in some]))
        return [[next(specs) for _ in some] for some in jobs]

    def identity(self, space: "Space", examples: Sequence[RunSpec]) -> str:
        """Return eight hex digits that are the same for searches that may share trials.

        These have the same objectives, space, sampler, seed, and other settings, and what the values of their space
        stand for is the same.
        """
        runs = sorted(spec.signature for spec in examples)
        pruner = [self.settings.pruner] if self.settings.pruner != "none" else []
        question = (self.settings.objectives, space.free, self.settings.sampler, self.settings.seed, runs, *pruner)
        return hashlib.sha1(repr(question).encode()).hexdigest()[:8]

    @property
    def log(self) -> Path:
        """The journal of the trials."""
        return expanded(self.settings.storage or self.study_folder / SEARCH_LOG)

    def over(self) -> set[str]:
        """Return the identities of the searches that have all trials which are wanted."""
        from pairreg.runs.search_log import searches_in

        return {one.study.study_name for one in searches_in(self.log) if len(one.ended) >= self.settings.trials}

    def check_usable(self, runs: Sequence[RunSpec]) -> None:
        """Raise `InputError` for runs that cannot be computed or kept, before anything of the study is written."""
        folder_to_be(self.log.parent, written=True)
        check_usable([one for run in runs for one in expand(run)])

    def problem(self, space: "Space", trial: "Trial") -> str | None:
        """Return why there can be no runs with the settings of a trial; None if there can."""
        try:
            self.specs(space.jobs(trial.params))
        except InputError as error:
            return str(error)
        return None

    def run(self, trials: "Trials", space: "Space", until: float) -> None:
        """Ask for trials, launch their runs and tell the outcomes, batch by batch, `until` a time (monotonic clock)."""
        failed = 0
        while time.monotonic() < until and (asked := trials.ask(self.settings.batch)):
            problems = [self.problem(space, trial) for trial in asked]
            possible = [trial for trial, problem in zip(asked, problems, strict=True) if problem is None]
            measured = iter(self.measured(trials, space, possible))
            for trial, problem in zip(asked, problems, strict=True):
                outcomes = next(measured) if problem is None else []
                why = trials.tell(trial, outcomes, len(space.replicates), problem)
                failed = failed + 1 if why else 0
                if failed == _FAILURES:
                    raise InputError(f"{_FAILURES} trials in a row failed, the last because {why}")

    def measured(self, trials: "Trials", space: "Space", asked: Sequence["Trial"]) -> list[list[RunOutcome]]:
        """Return the outcomes of each trial, which is over earlier if the pruner says so."""
        by_step = {"none": self.at_once, "wilcoxon": self.by_pair, "median": self.by_level}
        return by_step[self.settings.pruner](trials, space, asked)

    def at_once(self, trials: "Trials", space: "Space", asked: Sequence["Trial"]) -> list[list[RunOutcome]]:
        """Do all runs of the trials in one launch."""
        jobs = [space.jobs(trial.params) for trial in asked]
        outcomes = iter(self.launch([job for some in jobs for job in some]))
        return [[next(outcomes) for _ in some] for some in jobs]

    def by_pair(self, trials: "Trials", space: "Space", asked: Sequence["Trial"]) -> list[list[RunOutcome]]:
        """Do the runs of the trials pair by pair, as long as these do not say that a trial is worse than the best."""
        found: list[list[RunOutcome]] = [[] for _ in asked]
        going = list(range(len(asked)))
        for step, one in enumerate(space.replicates, start=1):
            new = self.at_once(trials, replace(space, replicates=[one]), [asked[i] for i in going])
            for i, outcomes in zip(going, new, strict=True):
                found[i] += outcomes
            if step < len(space.replicates):
                going = [i for i in going if trials.is_worth_going_on(asked[i], found[i][-1:], step)]
        return found

    def by_level(self, trials: "Trials", space: "Space", asked: Sequence["Trial"]) -> list[list[RunOutcome]]:
        """Do the runs of the trials level by level, as long as a trial is not worse than most were at that level.

        After each level all runs of a trial pause, and are evaluated as at their end. A trial some of whose runs are
        complete there, of an earlier command or by fewer levels, is not compared.
        """
        found: list[list[RunOutcome]] = [[] for _ in asked]
        going = list(range(len(asked)))
        for level in itertools.count(1):
            pausing = replace(space, fixed=[*space.fixed, f"pause_after_level={level}"])
            new = self.at_once(trials, pausing, [asked[i] for i in going])
            for i, outcomes in zip(going, new, strict=True):
                found[i] = outcomes
            going = [i for i in going if self.goes_on(trials, asked[i], found[i], level)]
            if not going:
                break
        return found

    def goes_on(self, trials: "Trials", trial: "Trial", outcomes: Sequence[RunOutcome], level: int) -> bool:
        """Return whether a trial has runs that have levels left, none that failed, and is worth going on."""
        paused = [outcome.state == "paused" for outcome in outcomes]
        if not any(paused) or any(trials.failure(outcome) for outcome in outcomes):
            return False
        return not all(paused) or trials.is_worth_going_on(trial, outcomes, level)

    def show(self, search: "Search", space: "Space") -> None:
        """Print the best trials, of which candidate they are, and the commands that repeat them."""
        from pairreg.search.pareto_table import front_table

        terminal = console()
        if search.candidate:
            terminal.print(search.candidate, style="bold")
        terminal.print(front_table(search, self.settings.objectives, space))
        for trial in search.best:
            for job in space.jobs(trial.params):
                terminal.print(self.spec(job).command, soft_wrap=True, highlight=False)


def _one_job(space: "Space", replicate: Sequence[str]) -> list[str]:
    """Return the overrides of some run of a space on one pair."""
    return replace(space, replicates=[replicate]).jobs(space.example())[0]


def _levels(spec: RunSpec) -> int:
    """Return how many levels the schedule of a run has at most; 1 if its method does not use the group."""
    if "schedule" not in spec.config:
        return 1
    schedule = option_files.instantiate(spec.config["schedule"], "schedule", spec.config["trusted_modules"])
    return max(len(schedule.levels(ndim)) for ndim in (2, 3))


def shares(minutes: float | None, count: int) -> Iterator[float]:
    """Yield until when (monotonic clock) each of `count` searches may begin trials: what is left, divided equally."""
    end = math.inf if minutes is None else time.monotonic() + 60 * minutes
    for left in range(count, 0, -1):
        now = time.monotonic()
        yield now + (end - now) / left


def search_node() -> DictConfig:
    """Return the defaults of `hydra/sweeper=pairreg_search`."""
    return settings_node(SearchConf, "objectives", "space")

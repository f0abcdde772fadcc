"""Comparison at equal regularity: every candidate with the strength of regularisation that makes it as regular.

With one weight for all, a similarity of larger values is restrained less, and a ranking of similarities is partly one
of weights. Here each candidate has the weight at which the mean of a metric of the field, over the pairs that tune,
reaches the same value; then all are judged on the other pairs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pairreg import option_files, validation
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.metrics.catalogue import Metric, find, of_kind
from pairreg.per_level import parts_of
from pairreg.runs.comparison import Candidate, Comparison
from pairreg.runs.identity import BOOKKEEPING, leaves
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.search.base import StudySweeper, settings_node, values_of
from pairreg.search.bisection import Bisection

if TYPE_CHECKING:
    from pairreg.search.pair_split import PairSplit
    from pairreg.search.space import Space


@dataclass
class MatchConf:
    """The settings of `hydra/sweeper=pairreg_matched`."""

    _target_: str = "pairreg.search.matched.MatchedSweeper"
    _convert_: str = "all"  # plain dictionaries
    params: dict[str, str] = field(default_factory=dict)  # what is compared: key -> values, as in any sweep
    zip: list[list[str]] = field(default_factory=list)  # groups of keys that advance together
    match: dict[str, float] = field(default_factory=dict)  # a metric of the field, and the value that all shall have
    tolerance: float = 0.05  # of that value
    vary: list[str] = field(default_factory=list)  # settings that rise together; none: the regularisers' strengths
    tune: list[str] = field(default_factory=list)  # names of the pairs that choose; none: those that are compared


class _Match:
    """One candidate: its overrides, the settings that vary with their values at factor 1, and what was measured.

    A setting has one value, or one for each level of the schedule, which rise together.
    """

    def __init__(self, candidate: tuple[str, ...], strengths: dict[str, list[float]], bisection: Bisection):
        self.candidate, self.strengths, self.bisection = candidate, strengths, bisection
        self.label = values_of(candidate)
        self.tried: list[list[str]] = []
        self.problem: str | None = None

    @property
    def is_open(self) -> bool:
        return self.problem is None and self.bisection.factor is not None

    def settings(self, factor: float) -> dict[str, str]:
        """Return the settings at a factor, with four digits: `2.5`, or `[4,2,1,1]`."""
        texts = {key: [f"{value * factor:.4g}" for value in values] for key, values in self.strengths.items()}
        return {key: values[0] if len(values) == 1 else f"[{','.join(values)}]" for key, values in texts.items()}

    def overrides(self, factor: float) -> list[str]:
        return [*self.candidate, *(f"{key}={value}" for key, value in self.settings(factor).items())]

    def at(self, factor: float) -> str:
        """Return the settings at a factor, as tables and lines show them."""
        return ", ".join(f"{key.partition('.')[2]} {value}" for key, value in self.settings(factor).items())

    def tell(self, metric: Metric, outcomes: list[RunOutcome]) -> str:
        """Take in the runs at the present factor; return a line that says what they gave."""
        factor = self.bisection.factor
        assert factor is not None, "asked for"
        failed = next((outcome for outcome in outcomes if outcome.error), None)
        values = [outcome.metrics.get(metric.name) for outcome in outcomes]
        at = self.at(factor)
        if failed or any(value is None or value != value for value in values):
            why = f"run {failed.signature} failed: {failed.error}" if failed else f"a run has no {metric.label}"
            self.problem = f"{why} (at {at})"
            return f"{self.label}: {self.problem}"
        self.tried.append([signature for outcome in outcomes for signature in outcome.signatures])
        self.bisection.tell(mean := fmean(float(value) for value in values if value is not None))
        if self.bisection.factor is None and not self.bisection.found:
            self.problem = (
                f"{metric.label} {self.bisection.goal:g} was not reached; nearest {self.bisection.best[1]:.4g}"
            )
        return f"{self.label}: {metric.label} {mean:.4g} at {at}"

    def result(self) -> Candidate:
        """Return what was found."""
        if self.problem is not None:
            return Candidate(self.label, self.tried, None, problem=self.problem)
        factor, value = best = self.bisection.best
        count = len(self.tried)
        reached = f"{value:.4g} at {self.at(factor)} ({count} setting{'s' * (count > 1)} tried)"
        return Candidate(self.label, self.tried, self.bisection.told.index(best), reached=reached)


class MatchedSweeper(StudySweeper):
    """Finds for every candidate the strength of regularisation at which a metric is the same, and compares them there.

    Hydra makes it by its name and then calls `setup` and `sweep`. In each round, all candidates that are still open
    have one factor measured on the pairs that tune, in one launch.
    """

    def __init__(self, **settings: Any):
        self.settings = MatchConf(**settings)

    def sweep(self, arguments: list[str]) -> None:
        """Match and compare; raises `InputError` for settings that make no comparison, before any run."""
        metric, space, split = self.check(arguments)
        goal, tolerance = self.settings.match[metric.name], self.settings.tolerance
        matches = []
        for candidate in space.compared:
            strengths = self.strengths(self.spec([*space.fixed, *split.tuning[0], *candidate]))
            matches.append(_Match(tuple(candidate), strengths, Bisection(goal, tolerance)))
        terminal = console()
        count = f"{len(matches)} candidates on {len(split.tuning)} pairs and seeds"
        terminal.print(f"looking for {metric.label} {goal:g} ± {100 * tolerance:g} %: {count} a round", highlight=False)
        while still := [match for match in matches if match.is_open]:
            outcomes = iter(self.launch([job for match in still for job in self.jobs(match, space, split.tuning)]))
            for match in still:
                told = match.tell(metric, [next(outcomes) for _ in split.tuning])
                terminal.print(told, soft_wrap=True, highlight=False)
        rule = f"at {metric.label} {goal:g} ± {100 * tolerance:g} %"
        comparison = Comparison(rule, metric.name, split.names, [match.result() for match in matches])
        jobs = [[] if match.problem else self.jobs(match, space, split.test) for match in matches]
        self.judge(comparison, jobs)

    def check(self, arguments: list[str]) -> tuple[Metric, "Space", "PairSplit"]:
        """Return the metric to match, what is compared, and the pairs; raises `InputError` for what cannot be done."""
        from pairreg.search.pair_split import split
        from pairreg.search.space import read_space

        settings = self.settings
        known = [row.name for row in of_kind("field") if not str(row.function).startswith("learn2reg.")]
        if len(settings.match) != 1:
            has = f"; it has {', '.join(settings.match)}" * bool(settings.match)
            raise InputError(f"hydra.sweeper.match has one metric and its value, such as {{sdlogj: 0.3}}{has}.")
        ((name, goal),) = settings.match.items()
        metric = find(validation.one_of("hydra.sweeper.match: metric", name, known))
        assert metric is not None, "one of the known"
        validation.check_value(validation.Positive, goal, f"hydra.sweeper.match.{name}")
        validation.check_value(validation.Positive, settings.tolerance, "hydra.sweeper.tolerance")
        space = read_space(self.parsed(settings.params, arguments), per=None, paired=settings.zip)
        if space.compared == [()]:
            raise InputError("nothing is compared: give hydra.sweeper.params, or values, such as similarity=mse,ncc.")
        first = [*space.fixed, *space.compared[0]]
        return metric, space, split(space.replicates, settings.tune, lambda replicate: self.spec([*first, *replicate]))

    def strengths(self, spec: RunSpec) -> dict[str, list[float]]:
        """Return what varies of a run and its values at factor 1; raises `InputError` if there is nothing or it is 0.

        A setting has one value, or one for each level of the schedule.
        """
        keys = self.settings.vary or list(_strengths(spec))
        if not keys:
            named = f"regularizer={'+'.join(_regularizers(spec))}"
            if not _regularizers(spec):  # a method of others, which takes none
                named = f"method={spec.choices['method']}"
            raise InputError(f"{named} has no strength to vary; leave it out, or give hydra.sweeper.vary.")
        values = {key: value for key, value in leaves(spec.config) if key.partition(".")[0] not in BOOKKEEPING}
        for key in keys:
            validation.one_of("hydra.sweeper.vary: key", key, list(values))
        found = {key: values[key] if isinstance(values[key], list) else [values[key]] for key in keys}
        for key, numbers in found.items():
            are_numbers = all(isinstance(number, int | float) for number in numbers)
            if not are_numbers or min(numbers) < 0 or not max(numbers) > 0:
                raise InputError(f"{key} is {values[key]}, which no factor changes; give it a positive number.")
        return found

    def jobs(self, match: _Match, space: "Space", replicates: Iterable[Any]) -> list[list[str]]:
        """Return the overrides of the runs of a candidate: at the factor to measure, or at the best one."""
        factor = match.bisection.factor or match.bisection.best[0]
        return [[*space.fixed, *replicate, *match.overrides(factor)] for replicate in replicates]


def _strengths(spec: RunSpec) -> Iterable[str]:
    """Yield the keys of the settings that make the regularisers of a run stronger."""
    for name, node in _regularizers(spec).items():
        built = option_files.instantiate(node, f"regularizer.{name}", spec.config["trusted_modules"])
        strength = parts_of(built)[0].strength
        if strength is not None and strength in node:
            yield f"regularizer.{name}.{strength}"


def _regularizers(spec: RunSpec) -> Mapping[str, Any]:
    """Return the regularisers of a run by name; none if its method does not use that group."""
    return spec.config.get("regularizer") or {}


def match_node() -> DictConfig:
    """Return the defaults of `hydra/sweeper=pairreg_matched`."""
    return settings_node(MatchConf, "params", "match")

"""The ranking of settings, and whether it could be chance."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pairreg.errors import InputError
from pairreg.metrics.catalogue import USED, Metric, deciding
from pairreg.report.design import Design
from pairreg.report.metric_columns import MetricColumn, metric_columns
from pairreg.report.study_runs import StudyRuns
from pairreg.runs.comparison import Comparison
from pairreg.runs.factors import Factor

_FOLDS, _FEW_FOLDS = "folds_percent", 0.1  # %, above which the table says that the first setting folds
_NAMED = 20  # pairs that a note names
_ENOUGH = 6  # with fewer pairs Wilcoxon's test cannot reach p < 0.05, whatever the values


@dataclass(frozen=True)
class Ranking:
    """The settings of a design, ranked on each unit by the first metric that may decide and is known there.

    **Attributes:**

    - `primary`: the metric that decides on most units, None if the runs have none of them.
    - `decides`: the metric by which each unit is ranked, by the name of the unit.
    - `ranks`: mean rank of each setting over the units, 1 = best.
    - `reference`: the setting that others are tested against.
    - `p`: of each setting against the reference, Holm-corrected; None where nothing was tested.
    - `notes`: sentences that a reader of the table needs.
    - `asked`: the metric that all settings were made equal in; None if there is none.
    """

    design: Design
    columns: dict[str, MetricColumn]
    primary: MetricColumn | None
    decides: Mapping[str, MetricColumn]
    ranks: np.ndarray
    reference: int | None
    p: list[float | None]
    notes: list[str]
    asked: str | None = None

    @property
    def tested(self) -> bool:
        """Whether there are p values."""
        return any(p is not None for p in self.p)

    def metric_of(self, pair: str) -> Metric | None:
        """Return the metric that says most about a pair: that which decides there, or else on most units."""
        column = self.decides.get(pair, self.primary)
        return None if column is None else column.metric

    @property
    def order(self) -> list[int]:
        """The settings by rank, best first."""
        return [int(i) for i in np.argsort(self.ranks, kind="stable")]


def rank_study(study: StudyRuns, reference: str | None = None) -> Ranking:
    """Rank what a study compares; see `rank`. Its notes say how the settings were chosen, if a search chose them.

    If it has chosen none, or none has a result, they say so, and everything that was tried is ranked.
    """
    found = rank(Design.of(study.compared), reference)
    if study.comparison is None:
        return found
    if not study.judged:
        said = ["No chosen setting has a result: the table has every setting that was tried, on the pairs that chose."]
        said += _problems(study.comparison)
    else:
        said = [*_choice(study.comparison), *_others(study)]
    return replace(found, notes=[*said, *found.notes], asked=study.comparison.regularity)


def _choice(comparison: Comparison) -> list[str]:
    """Say how the settings were chosen, on which pairs, and what became of candidates that have none or failed."""
    names = ", ".join(comparison.tuned_on)
    where = f"on {names}, which the table leaves out" if names else "on the pairs of the table itself"
    reached = "; ".join(f"{one.label}: {one.reached}" for one in comparison.candidates if one.reached)
    notes = [f"Compared {comparison.rule}; settings were chosen {where}.", *_problems(comparison)]
    return [*notes, f"Reached where they were chosen: {reached}."] if reached else notes


def _problems(comparison: Comparison) -> list[str]:
    """Say why candidates have no setting, or no result with it."""
    return [f"{one.label}: {one.problem}." for one in comparison.candidates if one.problem]


def _others(study: StudyRuns) -> list[str]:
    """Say how many runs of the study belong to nothing that it compares."""
    known = study.comparison.runs if study.comparison else set()
    others = [run for run in study.runs if run.signature not in known]
    are = " is" if len(others) == 1 else "s are"
    return [f"{len(others)} other run{are} in the study, and not compared."] if others else []


def rank(design: Design, reference: str | None = None) -> Ranking:
    """Rank the settings of a design, and test them against a reference if there are enough units.

    **Arguments:** `reference`: as in `similarity=pcc,regularizer=diffusion`; by default the setting of the best mean
    rank.

    Raises `InputError` if `reference` does not name one setting.
    """
    # First, so that a misspelt reference is refused also where nothing can be ranked.
    named = None if reference is None else _find(reference, design)
    found = metric_columns(design)
    decides = _decides(found)
    counts = Counter(one.name for one in decides.values())
    primary = max((found[m.name] for m in deciding() if m.name in found), key=lambda c: counts[c.name], default=None)
    none: list[float | None] = [None] * len(design.settings)
    notes = [*_population(design), *_replaced(design), *_given(found)]
    if not decides or not all(one.comparable for one in decides.values()) or len(design.settings) < 2:
        return Ranking(design, found, primary, decides, np.full(len(none), np.nan), named, none, notes)
    assert primary is not None, "something decides"
    # From here on there is a ranking; whether there is a test as well depends on the number of units.
    ranks = _mean_ranks(decides)
    against = int(np.argmin(ranks)) if named is None else named
    units, name = len(primary.units), design.unit
    notes[:0] = [_ranked_by(decides, name), *_folds_of_the_first(found, ranks, design.labels)]
    if units < _ENOUGH:
        notes.append(
            f"No test: {units} {name}{'s are' if units != 1 else ' is'} too few, Wilcoxon's test needs {_ENOUGH}."
        )
        return Ranking(design, found, primary, decides, ranks, against, none, notes)
    if name == "seed" and not any(np.ptp(values) for values in primary.values):
        notes.append(f"No test: the {units} seeds give equal results, so they say nothing about chance.")
        return Ranking(design, found, primary, decides, ranks, against, none, notes)
    p = _tests(primary, against)
    notes.append(
        f"p: {primary.metric.heading} against the reference, {design.labels[against]}, over {units} {name}s "
        f"(Wilcoxon's signed-rank test, two-sided, corrected after Holm for {len(p) - 1} comparisons)."
    )
    if (smallest := 2.0 ** (1 - units) * (len(p) - 1)) > 0.05:
        notes.append(f"With so few {name}s for so many comparisons, p cannot be below {smallest:.2g}.")
    return Ranking(design, found, primary, decides, ranks, against, p, notes)


def _population(design: Design) -> list[str]:
    """Say what the means are over, and what is not among it."""
    common, missing = design.common, [r for r in design.replicates if r not in design.common]
    if not common:
        return [f"No {design.unit} has been run with every setting yet: the means are over different ones, unranked."]
    pairs, count = len({pair for pair, _ in common}), len({seed for _, seed in common})
    if design.unit == "seed":
        text = (
            f"Mean ± standard deviation over {count} seeds of one pair: the spread of the optimisation, not of pairs."
        )
    else:
        text = "One pair." if pairs == 1 else f"Mean ± standard deviation over {pairs} pairs."
        text += f" Values are means over up to {count} seeds per pair." if count > 1 else ""
    notes = [text]
    if missing:
        names = [pair if len(design.seeds) == 1 else f"{pair} (seed {seed})" for pair, seed in missing]
        named = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        notes.append(f"Left out, as not every setting has a result there: {named}.")
    return notes


def _replaced(design: Design) -> list[str]:
    """Say that runs do not count, as newer ones of the same settings do, and which pairs differ in content alone."""
    count, notes = design.replaced, []
    if count:
        notes.append(f"Left out: {count} earlier run{'s' * (count > 1)} of the same settings (other inputs or code).")
    if design.alike:
        names = ", ".join(design.alike[:_NAMED])
        notes.append(
            f"The same paths, but other content, so pairs of their own: {names}. If files were replaced, call the "
            "commands of the study again."
        )
    return notes


def _given(found: dict[str, MetricColumn]) -> list[str]:
    """Say that objectives were given what they are evaluated by, and which columns differ in what they are over."""
    notes = []
    if any(name.startswith(f"{USED}/") for name in found):
        notes.append(
            "Columns “(used)” are over labels or landmarks that the objective was given, all others over the rest."
        )
    differing = [column.metric for column in found.values() if not column.over_same]
    images = [metric.label for metric in differing if metric.kind == "images"]
    others = [metric.label for metric in differing if metric.kind != "images"]
    if others:
        notes.append(
            f"Over different labels or landmarks in different settings, so not comparable: {', '.join(others)}; "
            "give every setting the same terms, without an effect by weight=0."
        )
    if images:
        notes.append(
            "Of images that are preprocessed differently in different settings, so not comparable: "
            f"{', '.join(images)}."
        )
    return notes


def _decides(found: Mapping[str, MetricColumn]) -> dict[str, MetricColumn]:
    """Return the metric that decides on each unit: a true error where one is known to all settings, else the overlap.

    The similarity of images decides only if no run has anything else: it says little about anatomy.
    """
    known = [found[metric.name] for metric in deciding() if metric.name in found]
    better = [column for column in known if column.metric.kind != "images"]
    decides: dict[str, MetricColumn] = {}
    for column in better or known:
        for unit in column.units:
            decides.setdefault(unit, column)
    return decides


def _ranked_by(decides: Mapping[str, MetricColumn], unit: str) -> str:
    """Say what the settings are ranked by."""
    counts = Counter(one.metric.label for one in decides.values())
    if len(counts) > 1:
        by = " and ".join(f"{label} on {n} {unit}{'s' * (n > 1)}" for label, n in counts.items())
        by += ", where nothing better is known"
    else:
        (by,) = counts
    return f"Ranked by {by}." + (f" Mean ranks are over {len(decides)} {unit}s." if len(decides) > 1 else "")


def _folds_of_the_first(found: Mapping[str, MetricColumn], ranks: np.ndarray, labels: Sequence[str]) -> list[str]:
    """Say that the setting ranked first folds, if it does, and which is the best of those that hardly do."""
    order = np.argsort(ranks, kind="stable")
    folds = found[_FOLDS].means[order] if _FOLDS in found else np.zeros(1)
    if not folds[0] > _FEW_FOLDS:
        return []
    text = found[_FOLDS].metric.text
    better = next((i for i, value in enumerate(folds) if value <= _FEW_FOLDS), None)
    then = (
        "and so does every other one"
        if better is None
        else f"the best that folds at most {_FEW_FOLDS} % is {labels[order[better]]}, with {text(folds[better])} %"
    )
    return [f"The first setting, {labels[order[0]]}, folds {text(folds[0])} % of the voxels; {then}."]


def _mean_ranks(decides: Mapping[str, MetricColumn]) -> np.ndarray:
    """Return the mean over the units of the rank of each setting, equal values sharing theirs; NaN is the worst."""
    from scipy.stats import rankdata

    scores = np.array(  # (units, settings)
        [
            [values[one.units.index(unit)] * one.metric.direction for values in one.values]
            for unit, one in decides.items()
        ]
    )
    return np.asarray(rankdata(-np.where(np.isnan(scores), -np.inf, scores), axis=1).mean(axis=0))


def _tests(primary: MetricColumn, reference: int) -> list[float | None]:
    """Return the corrected p value of every setting against the reference, for which it is None."""
    others = [i for i in range(len(primary.values)) if i != reference]
    raw = [_wilcoxon(primary.values[i], primary.values[reference]) for i in others]
    corrected = dict(zip(others, holm(raw), strict=True))
    return [corrected.get(i) for i in range(len(primary.values))]


def _wilcoxon(a: np.ndarray, b: np.ndarray) -> float:
    """Return the two-sided p value of the signed-rank test for paired values `(n,)`; 1 if all are equal."""
    from scipy import stats

    return 1.0 if np.array_equal(a, b) else float(stats.wilcoxon(a, b).pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Return p values corrected for their number.

    Source: Holm, Scand J Statist 6:65 (1979).
    """
    order = np.argsort(p)
    factors = len(p) - np.arange(len(p))
    corrected = np.minimum(np.maximum.accumulate(np.asarray(p)[order] * factors), 1.0)
    result = np.empty(len(p))
    result[order] = corrected
    return [float(value) for value in result]


def _find(reference: str, design: Design) -> int:
    """Return the index of the one setting that has the values in `reference`."""
    fits = fitting("--reference", reference, design)
    if len(fits) != 1:
        names = ", ".join(design.labels[i] for i in fits) or "none"
        raise InputError(f"--reference {reference} should name one setting of the study; it fits {names}.")
    return fits[0]


def fitting(option: str, text: str, design: Design) -> list[int]:
    """Return the indices of the settings that have the values in `text`, such as `similarity=pcc,regularizer=none`.

    Raises `InputError`, which names the `option` of the command, for a factor or a value that the study lacks.
    """
    wanted = {}
    for part in re.split(r",(?=[\w.]+=)", text):  # a value such as [8, 4] has commas, too
        name, _, value = part.partition("=")
        wanted[_position(f"{option} {text}", name, value, design.factors)] = value
    return [i for i, one in enumerate(design.settings) if all(one[k] == value for k, value in wanted.items())]


def _position(asked: str, name: str, value: str, among: Sequence[Factor]) -> int:
    """Return the index of the factor `name`; raises `InputError` if it does not vary or has no such value."""
    for i, factor in enumerate(among):
        if name in (factor.name, factor.key):
            if value not in factor.values:
                raise InputError(f"{asked}: {name} is one of {', '.join(factor.values)}.")
            return i
    names = ", ".join(factor.name for factor in among) or "nothing"
    raise InputError(f"{asked}: {name!r} does not vary in this study; what varies is {names}.")

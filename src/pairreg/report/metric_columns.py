"""The metrics of a study: a column of its tables for each, with the values by setting."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pairreg.metrics.catalogue import EARLIEST, Metric, all_columns
from pairreg.report.design import Design

_ROUNDING = 1e-5  # relative: sums of float32 differ by less from machine to machine


@dataclass(frozen=True)
class MetricColumn:
    """One metric, or its value for one label, as a column of a table.

    **Attributes:** `name`: of the metric, or of its value for one label, such as `dice/lung`; `values`: for each
    setting those by unit `(n,)`, seeds averaged within pairs; `comparable`: whether the units are the same for all
    settings, in the same order, and so are the labels, landmarks and images that count; `over_same`: the latter;
    `units`: the names of the units, none if they are not the same.
    """

    metric: Metric
    name: str
    values: list[np.ndarray]
    comparable: bool
    over_same: bool = True
    units: tuple[str, ...] = ()

    @cached_property
    def means(self) -> np.ndarray:
        """The mean of each setting, NaN where it has no values.

        A NaN among the values makes the mean NaN: to leave it out would flatter the setting.
        """
        return np.array([v.mean() if len(v) else np.nan for v in self.values])

    @cached_property
    def deviations(self) -> np.ndarray:
        """The standard deviation (n - 1) of each setting, NaN for fewer than two values."""
        with np.errstate(invalid="ignore"):  # of infinite distances
            return np.array([v.std(ddof=1) if len(v) > 1 else np.nan for v in self.values])

    @cached_property
    def best(self) -> list[bool]:
        """Whether the mean of each setting looks the same as the best one, in the decimals of tables.

        None is the best where all look the same.
        """
        sign, text = self.metric.direction, self.metric.text
        means = self.means * sign
        if not self.comparable or not sign or len(means) < 2 or not np.isfinite(means).any():
            return [False] * len(means)
        best = text(float(np.nanmax(means)) * sign)
        looks = [text(float(mean)) == best for mean in self.means]
        return [False] * len(looks) if all(looks) else looks


def metric_columns(design: Design) -> dict[str, MetricColumn]:
    """Return every metric of the catalogue that some run has, by name and in the order of the catalogue."""
    present = {name for run in design.cells.values() for name in run.metrics}
    return {metric.name: metric_column(metric, design) for metric in all_columns() if metric.name in present}


def label_columns(metric: Metric, design: Design) -> list[MetricColumn]:
    """Return the values of a metric for each label that some run has, in the order of the runs."""
    prefix = f"{metric.stem}/"
    names = dict.fromkeys(name for run in design.cells.values() for name in run.metrics if name.startswith(prefix))
    return [metric_column(metric, design, name) for name in names]


def metric_column(metric: Metric, design: Design, name: str | None = None, beside: str | None = None) -> MetricColumn:
    """Return the values of a metric, or of its `name` for one label, by setting.

    They are those of the replicates where every setting has it; where there are none, of whatever each setting has.
    With `beside` only where the runs have that metric, too.
    """
    name = name or metric.name
    wanted = {name, beside or name}
    has = {key for key, run in design.cells.items() if wanted <= run.metrics.keys()}
    common = [r for r in design.common if all((one, *r) in has for one in design.settings)]
    values = []
    units: tuple[str, ...] = ()
    for one in design.settings:
        by_unit: dict[str, list[float]] = {}
        for pair, seed in common or design.replicates:
            if (one, pair, seed) in has:
                value = float(design.cells[one, pair, seed].metrics[name])
                by_unit.setdefault(pair if design.unit == "pair" else seed, []).append(value)
        values.append(np.array([np.mean(v) for v in by_unit.values()]))
        units = tuple(by_unit) if common else ()
    same = _over_same(name, design)
    return MetricColumn(metric, name, values, comparable=bool(common) and same, over_same=same, units=units)


def _over_same(name: str, design: Design) -> bool:
    """Return whether all settings of a pair are judged over the same labels, landmarks and images.

    Labels and landmarks differ where objectives were given some of them, images where settings preprocess them
    differently. Then the metric differs already before the registration, which no setting changes otherwise.
    """
    first: dict[str, float | None] = {}
    for (_, pair, _), run in design.cells.items():
        if name in run.metrics:
            value = run.metrics.get(f"{EARLIEST}/{name}")
            if not _is_same(first.setdefault(pair, value), value):
                return False
    return True


def _is_same(first: float | None, second: float | None) -> bool:
    """Return whether two values are one but for the last digits, in which machines differ; NaN is NaN."""
    if first is None or second is None:
        return first is second
    both_nan = math.isnan(first) and math.isnan(second)
    return both_nan or math.isclose(first, second, rel_tol=_ROUNDING, abs_tol=_ROUNDING / 10)

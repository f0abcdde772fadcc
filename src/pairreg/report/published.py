"""Results that others have published, beside those of a study."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pairreg.files import naming
from pairreg.metrics.catalogue import STAGES, Metric, find
from pairreg.reference.options import Option
from pairreg.report.design import Design
from pairreg.report.metric_columns import MetricColumn
from pairreg.report.ranking import Ranking
from pairreg.report.tables import mean_text

_BEGIN = "Published:"  # a line at the head of a study file: names of metrics, a blank, and where the numbers are from
_WORST = re.compile(r"(.+)30")  # of a metric, the value that 30 % of the pairs are worse than
NONE = "–"


@dataclass(frozen=True)
class Published:
    """Numbers of others as text, in the order of `metrics`, whose names may end in 30, and where they are from."""

    metrics: tuple[str, ...]
    source: str
    rows: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Beside:
    """Rows of a study (`measured`) and of others (`published`) by name, with a cell for each title."""

    titles: list[str]
    measured: dict[str, list[str]]
    published: dict[str, list[str]]
    source: str


def published(option: Option) -> Published | None:
    """Return what the head of a study file says under `Published:`, a line for each method; None if it says nothing."""
    lines = list(option.file.head)
    begin = next((i for i, line in enumerate(lines) if line.startswith(_BEGIN)), None)
    if begin is None:
        return None
    told = lines[begin].removeprefix(_BEGIN)
    rows: dict[str, tuple[str, ...]] = {}
    for line in lines[begin + 1 :]:
        name, is_row, values = line.partition(": ")
        if not line.startswith(" "):
            break
        if is_row:
            rows[name.strip()] = tuple(value.strip() for value in values.split(","))
        else:
            told += f" {line.strip()}"
    names, _, source = told.strip().partition(" on ")
    return Published(tuple(name.strip() for name in names.split(",")), f"on {source}", rows)


def beside(ranking: Ranking, file: Option | None) -> Beside | None:
    """Return what a ranking and others have of the metrics that a study file publishes; None if it has none."""
    others = None if file is None else published(file)
    if others is None:
        return None
    columns = [_column(name) for name in others.metrics]
    measured = {
        label: [_cell(ranking.columns.get(metric.name), index, worst) for metric, worst in columns]
        for index, label in enumerate(ranking.design.labels)
    }
    before = [_cell(_before(metric, ranking.design), 0, worst) for metric, worst in columns]
    if any(cell != NONE for cell in before):
        measured = {"initial": before, **measured}
    rows = {name: [NONE if value == "-" else value for value in values] for name, values in others.rows.items()}
    return Beside([_title(*column) for column in columns], measured, rows, others.source)


def write_published(table: Beside, path: Path) -> None:
    """Write the table, with where each row is from."""
    with naming(path), path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["method", *table.titles, "source"])
        writer.writerows([name, *cells, "this study"] for name, cells in table.measured.items())
        writer.writerows([name, *cells, f"published, {table.source}"] for name, cells in table.published.items())


def _column(name: str) -> tuple[Metric, bool]:
    """Return the metric of a published column, and whether it is the value that 30 % of the pairs are worse than."""
    worst = _WORST.fullmatch(name)
    metric = find(worst[1] if worst else name)
    assert metric is not None, f"{name} is no metric of the catalogue"
    return metric, worst is not None


def _title(metric: Metric, worst: bool) -> str:
    return metric.title.replace(metric.label, f"{metric.label} of the worst 30 %") if worst else metric.title


def _before(metric: Metric, design: Design) -> MetricColumn:
    """Return a metric before the registration, by pair: no setting changes it."""
    name = f"{STAGES[0]}/{metric.name}"
    where = design.common or design.replicates
    by_pair = {
        pair: run.metrics[name]
        for (_, pair, seed), run in design.cells.items()
        if (pair, seed) in where and name in run.metrics
    }
    return MetricColumn(metric, name, [np.array(list(by_pair.values()))], comparable=True)


def _cell(column: MetricColumn | None, index: int, worst: bool) -> str:
    """Return the mean over the pairs, or the quantile that 30 % of them are worse than, as text."""
    if column is None or not len(column.values[index]):
        return NONE
    if not worst:
        return mean_text(column, index)
    return column.metric.text(worst_30(column.values[index], column.metric.direction))


def worst_30(values: np.ndarray, direction: int) -> float:
    """Return the value that 30 % of the `values` `(n,)` are worse than, as TRE30 and Dice30 of Learn2Reg's ranking."""
    return float(np.quantile(values, 0.3 if direction > 0 else 0.7))

"""Tables for the terminal."""

import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pairreg.metrics.catalogue import CATALOGUE, EARLIEST, STAGES, USED, Metric, find, of_kind
from pairreg.runs.factors import factors
from pairreg.runs.folder import state
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.read import Run
from pairreg.runs.replicates import pair_names, seeds
from pairreg.runs.spec import RunSpec
from pairreg.study.estimate import estimate


def number(value: float | None) -> str:
    """Return a value with four digits; nothing for None."""
    return "" if value is None else f"{value:.4g}"


def _title(name: str) -> str:
    """Return the name of a metric with an arrow that says which way is better."""
    metric = find(name)
    return f"{name} {metric.arrow}".strip() if metric else name


def _unit(name: str) -> str:
    metric = find(name)
    return metric.unit if metric else ""


def run_table(metrics: Mapping[str, float]) -> Table:
    """Return every metric of a run before, after the initialisation, and after the registration."""
    costs = [metric.name for metric in of_kind("cost")]
    table = Table(title="before → after", title_justify="left")
    for column in ("metric", "unit", "before", "initialised", "after"):
        table.add_column(column, justify="left" if column in ("metric", "unit") else "right")
    for name in metrics:
        metric = find(name)
        if name.partition("/")[0] in STAGES or name in costs or (metric and not metric.is_shown(metrics)):
            continue
        earlier = [number(metrics.get(f"{stage}/{name}")) for stage in STAGES]
        if metric and metric.changes:
            earlier[STAGES.index(EARLIEST)] = ""
        table.add_row(_title(name), _unit(name), *earlier, Text(number(metrics[name]), "bold"))
    table.add_section()
    for name in [cost for cost in costs if cost in metrics]:
        table.add_row(name, _unit(name), "", "", number(metrics[name]))
    return table


def study_table(rows: Sequence[tuple[RunSpec, RunOutcome]], terminal: Console) -> Table:
    """Return one line per run: a column for everything that varies, and the metrics that `terminal` has room for.

    Those that decide rankings stay longest; what is left out is named below the table.
    """
    measured = {name for _, outcome in rows for name in outcome.metrics}
    exists = [m for m in CATALOGUE if m.in_terminal and m.name in measured and m.is_shown(measured)]
    # of those that decide nothing, similarities of the images say least
    by_weight = sorted(exists, key=lambda m: (m.decides is None, m.decides, m.kind == "images"))
    unbounded = terminal.options.update(max_width=sys.maxsize)
    for count in range(len(exists), -1, -1):
        table = _table_of([m for m in exists if m in by_weight[:count]], rows)
        if terminal.measure(table, options=unbounded).maximum <= terminal.width:
            break
    notes = []
    if by_weight[count:]:
        names = ", ".join(m.label for m in exists if m in by_weight[count:])
        notes.append(f"This terminal is too narrow for {names}; the report has them.")
    if any(name.startswith(f"{USED}/") for name in measured):
        notes.append(
            "Labels and landmarks that an objective was given do not count here; the report has them as “used”."
        )
    if notes:
        table.caption, table.caption_justify = "\n".join(notes), "left"
    return table


def _table_of(metrics: Sequence[Metric], rows: Sequence[tuple[RunSpec, RunOutcome]]) -> Table:
    table = Table(title=f"{len(rows)} runs", title_justify="left")
    varied = varying([task for task, _ in rows])
    for name in varied:
        table.add_column(name)
    for metric in metrics:
        table.add_column(metric.title, justify="right")
    table.add_column("run folder")
    for i, (_, outcome) in enumerate(rows):
        values = [number(outcome.metrics.get(metric.name)) for metric in metrics]
        where = Text("failed", "red") if outcome.error else outcome.folder.name  # why is printed after the table
        table.add_row(*[column[i] for column in varied.values()], *values, where)
    return table


def dry_table(tasks: Sequence[RunSpec]) -> Table:
    """Return what the same command without `dry_run` has to do, and about how long that takes."""
    states = [state(task.folder) for task in tasks]
    done = [task for task, state in zip(tasks, states, strict=True) if state == "complete"]
    complete = [(task, Run(task.folder).metrics["seconds"]) for task in done]
    again = bool(tasks[0].config["rerun"])
    guesses = [
        None if s == "complete" and not again else estimate(t, complete) for s, t in zip(states, tasks, strict=True)
    ]
    todo = len(tasks) - (0 if again else len(complete))
    known = [guess for guess in guesses if guess is not None]
    total = f", about {sum(known) / len(known) * todo / 60:.1f} minutes in one process" if known else ""
    count = f"{len(tasks)} run{'s' * (len(tasks) > 1)}"
    table = Table(title=f"{count}, {todo} to do{total}", title_justify="left")
    columns = {"signature": [task.signature for task in tasks], "state": states, **varying(tasks)}
    if known:
        columns["seconds"] = ["" if guess is None else f"{guess:.0f}" for guess in guesses]
    for name in columns:
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def varying(tasks: Sequence[RunSpec]) -> dict[str, list[str]]:
    """Return by name the values, one per run, of everything in which the runs differ."""
    found = {factor.name: [factor.value(task) or "" for task in tasks] for factor in factors(tasks)}
    pairs = {"pair": pair_names(tasks), "seed": seeds(tasks)}
    return {name: values for name, values in pairs.items() if len(set(values)) > 1} | found

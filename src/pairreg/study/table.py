"""Tables for the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

BETTER = {
    "ssim": "↑",
    "mse": "↓",
    "pcc": "↑",
    "ncc": "↑",
    "dice": "↑",
    "hd95": "↓",
    "tre": "↓",
    "folds": "↓",
    "ndv": "↓",
}
STUDY_COLUMNS = ("ssim", "mse", "pcc", "ncc", "dice_mean", "tre_mean", "folds_percent", "seconds")
COST = ("seconds", "iterations", "peak_memory_mb")


@dataclass(frozen=True)
class Row:
    """One run of a multirun: its varied choices, and its metrics or why there are none."""

    choices: Mapping[str, str]
    folder: Path | None
    metrics: Mapping[str, float]
    error: str | None = None


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def arrow(name: str) -> str:
    return BETTER.get(name.partition("/")[0].partition("_")[0], "")


def run_table(metrics: Mapping[str, float]) -> Table:
    """Every metric before, after the initialisation, and after registration."""
    table = Table(title="before → after", title_justify="left")
    for column in ("metric", "before", "initialised", "after"):
        table.add_column(column, justify="left" if column == "metric" else "right")
    for name in metrics:
        if name.startswith(("before/", "initial/")) or name in COST:
            continue
        earlier = [number(metrics.get(f"{stage}/{name}")) for stage in ("before", "initial")]
        table.add_row(f"{name} {arrow(name)}", *earlier, f"[bold]{number(metrics[name])}")
    table.add_section()
    for name in COST:
        table.add_row(name, "", "", number(metrics[name]))
    return table


def study_table(rows: Sequence[Row]) -> Table:
    """One line per run, a column for every choice that varies and every metric that exists."""
    table = Table(title=f"{len(rows)} runs", title_justify="left")
    varied = [k for k in rows[0].choices if len({row.choices.get(k) for row in rows}) > 1]
    measured = [k for k in STUDY_COLUMNS if any(k in row.metrics for row in rows)]
    for name in varied:
        table.add_column(name)
    for name in measured:
        table.add_column(f"{name} {arrow(name)}", justify="right")
    table.add_column("run folder")
    for row in rows:
        values = [number(row.metrics.get(name)) for name in measured]
        where = f"[red]failed: {row.error}" if row.error else (row.folder.name if row.folder else "")
        table.add_row(*[row.choices.get(k, "") for k in varied], *values, where)
    return table

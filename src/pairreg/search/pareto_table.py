"""The result of a search, for the terminal."""

from collections.abc import Mapping

from rich.table import Table

from pairreg.runs.search_log import Search
from pairreg.search.space import Space
from pairreg.study.table import number


def front_table(search: Search, objectives: Mapping[str, str], space: Space) -> Table:
    """Return one line per best trial of a search: its objectives, its parameters and the signatures of its runs."""
    best = search.best
    title = "Best" if len(objectives) == 1 else f"Pareto front: {len(best)}"
    table = Table(title=f"{title} of {search.counted}", title_justify="left")
    table.add_column("trial", justify="right")
    for name, direction in objectives.items():
        table.add_column(f"{name} {'↑' if direction == 'maximize' else '↓'}", justify="right")
    for key in space.free:
        table.add_column(key, justify="right")
    table.add_column("run folders" if len(space.replicates) > 1 else "run folder")
    for trial in best:
        params = [number(value) if isinstance(value, float) else str(value) for value in trial.params.values()]
        folders = " ".join(trial.user_attrs["signatures"])
        table.add_row(str(trial.number), *[number(value) for value in trial.values], *params, folders)
    return table

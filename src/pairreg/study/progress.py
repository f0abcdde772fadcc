"""The progress of a run: a bar on a terminal, a line every 10 % or 10 s in the log."""

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pairreg.console import console
from pairreg.optimization.history import weighted
from pairreg.optimization.observer import Observer
from pairreg.schedule.base import Level

_SECONDS = 10.0  # without a line in the log, at most
_BAR = 10, 24  # columns of a terminal that the bar takes, at least and at most
_BETWEEN = "  "  # values of terms
log = logging.getLogger("pairreg")


class _Terms(Observer):
    """Knows the columns of the rows, the levels, and the weights of the terms on each of them."""

    weights: Sequence[Mapping[str, float]] = ()

    def weigh(self, weights: Sequence[Mapping[str, float]]) -> None:
        self.weights = weights

    def begin(self, names: list[str], levels: list[Level]) -> None:
        self.names, self.levels = names, levels

    def values(self, row: np.ndarray) -> list[str]:
        """Return the loss of one row, and of what it is the sum: `loss 0.1234`, `ncc 0.1034`, `2 × diffusion 0.01`."""
        named = dict(zip(self.names, row, strict=True))
        terms = self.weights[int(named["level"]) - 1].items() if self.weights else ()
        shown = [("loss", named["loss"]), *((weighted(term, [weight]), named[term]) for term, weight in terms)]
        return [f"{name} {value:.4g}" for name, value in shown]  # a similarity may be called as a regulariser is


@final
class ProgressBar(_Terms):
    """A bar on the terminal or in a notebook that shows level, iteration, loss, terms and the time that is left.

    Where it is narrow, the last terms are left out first. `terminal`: where to draw it; None: on standard output.
    """

    def __init__(self, terminal: Console | None = None):
        self.console = console() if terminal is None else terminal

    def begin(self, names: list[str], levels: list[Level]) -> None:
        super().begin(names, levels)
        columns = (
            TextColumn("level {task.fields[level]}/{task.fields[levels]}"),
            BarColumn(bar_width=_BAR[1]),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[values]}", style="cyan", markup=False),
            TimeElapsedColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(),
        )
        self.progress = Progress(*columns, console=self.console, transient=True)
        total = sum(level.iterations for level in levels)
        self.task: TaskID = self.progress.add_task("", total=total, level=1, levels=len(levels), values="compiling")
        self.progress.start()

    def rows(self, start: int, rows: np.ndarray) -> None:
        level = int(rows[-1, -1])
        # a level that converged early counts as done
        skipped = sum(planned.iterations for planned in self.levels[: level - 1])
        done = max(skipped, self.progress.tasks[self.task].completed) + len(rows)
        self.progress.update(self.task, completed=done, level=level)
        self.progress.update(self.task, values=self._fitting(self.values(rows[-1])))

    def _fitting(self, values: list[str]) -> str:
        """Return of the values as many as the terminal has room for beside all else; the first one, the loss, stays."""
        task = self.progress.tasks[self.task]
        unbounded = self.console.options.update(max_width=sys.maxsize)
        whole = self.console.measure(self.progress.make_tasks_table([task]), options=unbounded).maximum
        room = self.console.width - (whole - cell_len(task.fields["values"]) - (_BAR[1] - _BAR[0]))
        while len(values) > 1 and cell_len(_BETWEEN.join(values)) > room:
            values = values[:-1]
        return _BETWEEN.join(values)

    def end(self) -> None:
        self.progress.stop()


@final
class ProgressLog(_Terms):
    """Logs a line at the first, the last, and every tenth of the planned iterations, and after ten seconds without."""

    def begin(self, names: list[str], levels: list[Level]) -> None:
        super().begin(names, levels)
        self.step = max(1, sum(level.iterations for level in levels) // 10)
        self.next = 0
        self.began = self.written = time.perf_counter()
        self.last: str | None = None

    def rows(self, start: int, rows: np.ndarray) -> None:
        for iteration, row in enumerate(rows, start=start):
            seconds = time.perf_counter() - self.began
            self.last = (
                f"level {int(row[-1])}/{len(self.levels)}  iteration {iteration + 1}  "
                f"{_BETWEEN.join(self.values(row))}  {seconds:.1f} s"
            )
            if iteration >= self.next:
                self._write()
                self.next += self.step
        if self.last and time.perf_counter() > self.written + _SECONDS:
            self._write()

    def end(self) -> None:
        if self.last:
            self._write()

    def _write(self) -> None:
        log.info(self.last)
        self.last = None
        self.written = time.perf_counter()

"""The progress of a run: a bar on a terminal, a line every 10 % or 10 s in the log."""

import logging
import time
from typing import final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pairreg.console import console
from pairreg.optimization.observer import Observer
from pairreg.schedule.base import Level

_SECONDS = 10.0  # without a line in the log, at most
log = logging.getLogger("pairreg")


def _term_values(names: list[str], row: np.ndarray) -> str:
    """Return the loss and every term of one row as text: `loss 0.1234  ncc 0.0456  …`."""
    shown = [(n, v) for n, v in zip(names, row, strict=True) if n == "loss" or "/" in n]
    return "  ".join(f"{n.rpartition('/')[2]} {v:.4g}" for n, v in shown)


@final
class ProgressBar(Observer):
    """A bar on the terminal or in a notebook that shows level, iteration, every term and the time that is left.

    `terminal`: where to draw it; None: on standard output.
    """

    def __init__(self, terminal: Console | None = None):
        self.console = console() if terminal is None else terminal

    def begin(self, names: list[str], levels: list[Level]) -> None:
        self.names, self.levels = names, levels
        columns = (
            TextColumn("level {task.fields[level]}/{task.fields[levels]}"),
            BarColumn(bar_width=24),
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
        self.progress.update(self.task, completed=done, level=level, values=_term_values(self.names, rows[-1]))

    def end(self) -> None:
        self.progress.stop()


@final
class ProgressLog(Observer):
    """Logs a line at the first, the last, and every tenth of the planned iterations, and after ten seconds without."""

    def begin(self, names: list[str], levels: list[Level]) -> None:
        self.names, self.levels = names, levels
        self.step = max(1, sum(level.iterations for level in levels) // 10)
        self.next = 0
        self.began = self.written = time.perf_counter()
        self.last: str | None = None

    def rows(self, start: int, rows: np.ndarray) -> None:
        for iteration, row in enumerate(rows, start=start):
            seconds = time.perf_counter() - self.began
            self.last = (
                f"level {int(row[-1])}/{len(self.levels)}  iteration {iteration + 1}  "
                f"{_term_values(self.names, row)}  {seconds:.1f} s"
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

"""A study: its tasks run where they should, are tracked, and end in a table and a report."""

import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from pairreg import interruption
from pairreg.backend.gc_pause import gc_paused
from pairreg.errors import InputError
from pairreg.runs.folder import is_complete, summary
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.study.checked_config import Job, check
from pairreg.study.execute import load_pair, work
from pairreg.study.figure import figure_of_command
from pairreg.study.table import dry_table, run_table, study_table
from pairreg.tracking.base import Tracker

log = logging.getLogger("pairreg")
COMMON = ("compute", "draw")  # of the runs of one command
console = Console(width=None if sys.stdout.isatty() else 160)  # a pipe or a log file has no width of its own


class DryRun(Exception):
    """`dry_run=true`: the table is printed, nothing else is to be done."""


class Study:
    """What the runs of one command share. A search launches several batches of them."""

    current: "Study | None" = None

    def __init__(self, first: RunSpec):
        self.first = first
        self.job: Job = check(first)
        self.tracker: Tracker = self.job.tracker
        self.tasks: dict[str, RunSpec] = {}
        self.outcomes: dict[str, RunOutcome] = {}
        self.opened = False
        self.page: Path | None = None

    @classmethod
    def of(cls, first: RunSpec) -> "Study":
        """The study of this command, begun by its first task."""
        cls.current = cls.current or Study(first)
        return cls.current

    @property
    def folder(self) -> Path:
        return self.first.study_folder

    def run(self, tasks: Sequence[RunSpec]) -> list[RunOutcome]:
        """An outcome for each task; tasks with the same signature are one run."""
        new = {task.signature: task for task in tasks if task.signature not in self.tasks}
        for task in new.values():
            if task.folder.parent != self.folder or any(task.config[k] != self.first.config[k] for k in COMMON):
                raise InputError("study, output_dir, compute and draw cannot vary within one command.")
            check(task)
        self.tasks |= new
        if self.first.config["dry_run"]:
            console.print(dry_table(list(new.values())))
            raise DryRun
        todo = [task for task in new.values() if task.config["rerun"] or not is_complete(task)]
        if self.first.alone and todo:
            load_pair(self.first)  # input that cannot be used then leaves nothing behind
        self.open()
        self.outcomes |= {signature: RunOutcome.of(task, "kept") for signature, task in new.items() if task not in todo}
        self.compute(todo, wait=False)
        busy = [task for task in todo if self.outcomes[task.signature].state == "busy"]
        if busy:
            log.info(f"{len(busy)} runs are computed by another process; waiting for them")
            self.compute(busy, wait=True)
        return [self.outcomes[task.signature] for task in tasks]

    def open(self) -> None:
        if not self.opened:
            from pairreg.runs.provenance import code

            with gc_paused():
                self.tracker.open(self.first.config["study"], Path(self.first.config["output_dir"]), code())
            self.opened = True

    def compute(self, tasks: Sequence[RunSpec], wait: bool) -> None:
        if not tasks:
            return
        compute = self.job.compute
        tracker = self.tracker if compute.in_process else self.tracker.for_worker(compute.remote)
        do = partial(work, tracker=tracker, wait=wait)
        for outcome in compute.run(tasks, do, self.folder):
            interruption.check()
            self.outcomes[outcome.signature] = outcome
            if len(self.tasks) > 1 and outcome.state != "busy":
                over = sum(o.state != "busy" for o in self.outcomes.values())
                log.info(f"[{over}/{len(self.tasks)}] {outcome.signature} {outcome.state}")

    def finish(self) -> int:
        """Tables, report and tracking; the exit code of the command."""
        rows = [(task, self.outcomes[s]) for s, task in self.tasks.items() if s in self.outcomes]
        bad = [(task, outcome) for task, outcome in rows if outcome.error]
        if not self.first.alone:
            console.print(study_table(rows))
            self.draw(rows)
            self.page = self.report(len(rows) - len(bad))
        elif not bad:
            console.print(run_table(rows[0][1].metrics))
            kept = " (complete since an earlier command; rerun=true repeats it)" if rows[0][1].state == "kept" else ""
            console.print(f"results: {rows[0][1].folder}{kept}", soft_wrap=True)
        self.warn_of_other_code(rows)
        self.tracker.complete([task.folder for task, _ in rows])
        hint = self.tracker.hint()
        if hint and len(bad) < len(rows):
            console.print(hint, soft_wrap=True)
        for task, outcome in bad:
            again = "" if self.first.alone else f"; to repeat it: {task.command}"
            print(f"pairreg: {outcome.error}{again}", file=sys.stderr)
        refused = all(outcome.state == "refused" for _, outcome in rows)
        return 0 if not bad else 2 if refused else 1

    def draw(self, rows: Sequence[tuple[RunSpec, RunOutcome]]) -> None:
        """Draw the figure that the command asks for, before the report, which shows it."""
        layout = self.first.config["draw"]
        if layout is None:
            return
        try:
            for path in figure_of_command(layout, rows, self.folder):
                console.print(f"figure: {path}", soft_wrap=True)
        except InputError as error:
            log.warning(str(error))

    def report(self, complete: int) -> Path | None:
        """Write the report of everything in the study's folder, if there is something to compare."""
        if complete < 2:
            return None
        from pairreg.report.write import write_report

        try:
            page = write_report(self.folder)
        except InputError as error:  # about a run of an earlier command
            log.warning(str(error))
            return None
        console.print(f"report: {page}", soft_wrap=True)
        return page

    def close(self) -> None:
        """The end of the command, however it comes."""
        if self.opened:
            self.tracker.close(self.page.parent if self.page else None)

    def warn_of_other_code(self, rows: Sequence[tuple[RunSpec, RunOutcome]]) -> None:
        from pairreg.runs.provenance import code

        now = code().get("git_commit")
        kept = [summary(task)["provenance"] for task, outcome in rows if outcome.state == "kept"]
        others = [p for p in kept if p.get("git_commit") != now]
        if others:
            log.warning(f"{len(others)} of {len(rows)} runs were computed by other code; rerun=true repeats them")

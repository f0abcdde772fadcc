"""The runs of one command: where they are computed, how they are tracked, and the tables they end in."""

import json
import logging
import sys
import time
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pairreg import interruption, option_files
from pairreg.backend.gc_pause import gc_paused
from pairreg.compute.base import Compute
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.files import folder_to_be
from pairreg.runs.attempt import record_death
from pairreg.runs.folder import is_complete, last_change
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.provenance import code
from pairreg.runs.read import Run
from pairreg.runs.replace import tidy
from pairreg.runs.spec import RunSpec
from pairreg.study.check_pairs import check_pairs
from pairreg.study.checked_config import check
from pairreg.study.execute import load_pair, work
from pairreg.study.figure import figure_of_command
from pairreg.study.table import dry_table, run_table, study_table
from pairreg.tracking.base import Tracker
from pairreg.tracking.none import NoTracker

log = logging.getLogger("pairreg")
_COMMON = ("study", "output_dir", "compute", "figure")  # of all runs of one command


class DryRun(Exception):
    """Raised after the table of `dry_run=true` is printed: nothing else is to be done."""


class FailedFast(Exception):
    """Raised after the first run that failed under `fail_fast=true`: only `Study.finish` is left to do."""


class Study:
    """The runs of one command. `start` may be called several times: a search launches one batch after the other.

    It is a context manager: however the command ends, the tracker is told.
    """

    def __init__(self) -> None:
        self.specs: dict[str, RunSpec] = {}
        self.outcomes: dict[str, RunOutcome] = {}
        self.tracker: Tracker = NoTracker()
        self.opened = False
        self.single = False
        self.page: Path | None = None
        self.summary: dict[str, float] | None = None
        self.terminal = console()

    @property
    def first(self) -> RunSpec:
        """The run that was asked for first; what all runs have in common is read from it."""
        return next(iter(self.specs.values()))

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return self.first.study_folder

    def start(self, specs: Sequence[RunSpec], single: bool = False) -> list[RunOutcome]:
        """Do the runs that are asked for and not complete yet; return an outcome for each, in their order.

        Runs with the same signature are one run. `single`: the command asks for one run only, so that input which
        cannot be used leaves nothing behind, and the end is a table of its metrics.

        Raises `InputError` for a config or a pair that cannot be used, before any run has begun; `DryRun` after its
        table; `FailedFast` after a run that failed, if the command asked for that.
        """
        # Every config is checked first: a signature looks at the parts that a config names, which may not exist.
        for spec in specs:
            check(spec.config)
        # One that an earlier batch has paused goes on.
        new = {spec.signature: spec for spec in specs if spec.signature not in self.specs or self.is_paused(spec)}
        self.specs |= new
        self.single = single
        if any(spec.config[key] != self.first.config[key] for spec in specs for key in _COMMON):
            raise InputError("study, output_dir, compute and figure cannot vary within one command.")
        # A dry run ends before the tracker is opened: that may make a database.
        if self.first.config["dry_run"]:
            self.terminal.print(dry_table(list(new.values())))
            count = check_pairs(list(new.values()))
            if count:
                self.terminal.print(f"the files of {count} pair{'s' * (count > 1)} can be used")
            raise DryRun
        kept = {s: spec for s, spec in new.items() if not spec.config["rerun"] and is_complete(spec.folder)}
        todo = [spec for signature, spec in new.items() if signature not in kept]
        check_usable(todo)
        # A single pair is read even if it is made by code, such as a phantom; many of these would take too long.
        if single and todo:
            load_pair(todo[0].config)
        # The process of the command makes the index: several processes that make one at once break it.
        self.open()
        for signature, spec in kept.items():
            tidy(spec.folder)
            self.outcomes[signature] = RunOutcome.of(spec, "kept")
        self.compute(todo, wait=False)
        # Runs of another command come last: most of them are complete by then, and waiting for them costs nothing.
        busy = [spec for spec in todo if self.outcomes[spec.signature].state == "busy"]
        if busy:
            log.info(f"{len(busy)} runs are computed by another process; waiting for them")
            self.compute(busy, wait=True)
        return [self.outcomes[spec.signature] for spec in specs]

    def is_paused(self, spec: RunSpec) -> bool:
        """Return whether a run was begun and has levels left."""
        outcome = self.outcomes.get(spec.signature)
        return outcome is not None and outcome.state == "paused"

    def open(self) -> None:
        """Make the tracker and connect it to its index, once per command."""
        if self.opened:
            return
        self.tracker = _part(self.first, "tracking")
        with gc_paused():
            self.tracker.open(self.first.study, self.folder.parent, code())
        self.opened = True

    def compute(self, specs: Sequence[RunSpec], wait: bool) -> None:
        """Do `specs` where `compute` says, and collect their outcomes."""
        if not specs:
            return
        compute: Compute = _part(self.first, "compute")
        do = partial(work, tracker=self.tracker.for_runs(compute.where), wait=wait)
        began = time.monotonic()
        for done, outcome in enumerate(compute.run(specs, do, self.folder), start=1):
            interruption.check()  # the exception of a signal may have been dropped by a library
            self.outcomes[outcome.signature] = outcome
            if outcome.state == "failed":  # its process may have had no time to say so
                record_death(self.specs[outcome.signature], str(outcome.error))
            if len(self.specs) > 1 and outcome.state != "busy":
                over = sum(o.state != "busy" for o in self.outcomes.values())
                seconds = (time.monotonic() - began) / done * (len(specs) - done)
                left = f", about {_span(seconds)} left" if done < len(specs) else ""
                self.say(f"[{over}/{len(self.specs)}] {outcome.signature} {outcome.state}{left}")
            if outcome.error and self.first.config["fail_fast"]:
                self.say(f"fail_fast=true: {len(self.specs) - len(self.outcomes)} runs are not begun or not finished")
                raise FailedFast

    def say(self, line: str) -> None:
        """Put a line into the log, and on a terminal, which does not show the log."""
        log.info(line)
        if self.terminal.is_terminal:
            self.terminal.print(line, soft_wrap=True, highlight=False)

    def finish(self) -> int:
        """Print tables, write the report and complete the tracking; return the exit code of the command."""
        paused = [s for s, spec in self.specs.items() if self.is_paused(spec)]
        rows = [(spec, self.outcomes[s]) for s, spec in self.specs.items() if s in self.outcomes and s not in paused]
        if paused:
            self.terminal.print(f"{len(paused)} paused run{'s' * (len(paused) > 1)} between two levels of the schedule")
        if not rows:  # --help, --cfg and the like
            return 0
        bad = [(spec, outcome) for spec, outcome in rows if outcome.error]
        # The table comes first, because drawing takes a while; the figure before the report, which shows it.
        if not self.single:
            self.terminal.print(study_table(rows, self.terminal))
            kept = sum(outcome.state == "kept" for _, outcome in rows)
            if kept:
                said = f"{kept} of {len(rows)} runs were complete since an earlier command; rerun=true repeats them"
                self.terminal.print(said, soft_wrap=True, highlight=False)
            self.draw(rows)
            self.report([outcome for _, outcome in rows])
        elif not bad:
            self.terminal.print(run_table(rows[0][1].metrics))
            again = " (complete since an earlier command; rerun=true repeats it)" if rows[0][1].state == "kept" else ""
            self.terminal.print(f"results: {rows[0][1].folder}{again}", soft_wrap=True)
        _warn_of_other_code([outcome for _, outcome in rows])
        # The index is completed after the report, and errors come last, where they are read on a terminal.
        self.tracker.complete([spec.folder for spec, _ in rows])
        hint = self.tracker.hint()
        if hint and len(bad) < len(rows):
            self.terminal.print(hint, soft_wrap=True)
        for spec, outcome in bad:
            again = "" if self.single else f"; to repeat it: {spec.command}"
            print(f"pairreg: {outcome.error}{again}", file=sys.stderr)
        refused = all(outcome.state == "refused" for _, outcome in rows)
        return 0 if not bad else 2 if refused else 1

    def draw(self, rows: Sequence[tuple[RunSpec, RunOutcome]]) -> None:
        """Draw the figure that the command asks for; one that cannot be drawn is a warning."""
        name = self.first.config["figure"]
        if name is None:
            return
        try:
            for path in figure_of_command(name, rows, self.folder):
                self.terminal.print(f"figure: {path}", soft_wrap=True)
        except InputError as error:
            log.warning(str(error))

    def report(self, outcomes: Sequence[RunOutcome]) -> None:
        """Write the report of everything in the study's folder, if there is something to compare.

        One that nothing has been added to since it was written stays.
        """
        if sum(outcome.error is None for outcome in outcomes) < 2:
            return
        if self.first.config["figure"] is None and all(outcome.state == "kept" for outcome in outcomes):
            page = self.current_page()
            if page is not None:
                self.terminal.print(f"report: {page}", soft_wrap=True)
                return
        from pairreg.report.tables import summary
        from pairreg.report.write import write_report

        try:
            self.page, ranking = write_report(self.folder)
        except InputError as error:  # about a run of an earlier command
            log.warning(str(error))
            return
        self.summary = summary(ranking)
        self.terminal.print(f"report: {self.page}", soft_wrap=True)

    def current_page(self) -> Path | None:
        """Return the page of the report if nothing in the study's folder has changed since; else None."""
        from pairreg.report.write import PAGE, REPORT

        page = self.folder / REPORT / PAGE
        return page if page.exists() and page.stat().st_mtime > last_change(self.folder) else None

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *error: object) -> None:
        if self.opened:
            self.tracker.close(self.page.parent if self.page else None, self.summary)


def check_usable(specs: Sequence[RunSpec]) -> None:
    """Raise `InputError` for checked runs that cannot be computed, before anything is written that they would leave.

    Their method may not be installed here, the folder of their study not be writable, or a pair not be readable.
    """
    for spec in {json.dumps(spec.config["method"], sort_keys=True): spec for spec in specs}.values():
        _part(spec, "method").check_available()  # asks another process, once for all runs of a method
    for folder in {spec.study_folder for spec in specs}:
        folder_to_be(folder, written=True)
    check_pairs(specs)


def _span(seconds: float) -> str:
    """Return a time in the unit that people would say it in."""
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def _part(spec: RunSpec, group: str) -> Any:
    """Return the object that the config of a run describes for a group."""
    return option_files.instantiate(spec.config[group], group, spec.config["trusted_modules"])


def _warn_of_other_code(outcomes: Sequence[RunOutcome]) -> None:
    """Warn of results that an earlier command computed with another commit or version of this package."""
    now = [code().get("git_commit"), version("pairreg")]
    kept = [Run(outcome.folder).provenance for outcome in outcomes if outcome.state == "kept"]
    others = [one for one in kept if [one.get("git_commit"), one.get("version/pairreg", now[1])] != now]
    if others:
        log.warning(f"{len(others)} of {len(outcomes)} runs were computed by other code; rerun=true repeats them")

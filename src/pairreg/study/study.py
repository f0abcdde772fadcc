"""One command = many runs: where they are computed, how they are tracked, and the tables they end in."""

import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pairreg import interruption, option_files
from pairreg.backend.gc_pause import gc_paused
from pairreg.compute.base import Compute
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.runs.folder import is_complete
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.provenance import code
from pairreg.runs.read import Run
from pairreg.runs.spec import RunSpec
from pairreg.study.checked_config import check
from pairreg.study.execute import load_pair, work
from pairreg.study.figure import figure_of_command
from pairreg.study.table import dry_table, run_table, study_table
from pairreg.tracking.base import Tracker
from pairreg.tracking.none import NoTracker

log = logging.getLogger("pairreg")
COMMON = ("study", "output_dir", "compute", "draw")  # of all runs of one command


class DryRun(Exception):
    """`dry_run=true`: the table is printed, nothing else is to be done."""


class Study:
    """The runs of one command. `start` may be called several times: a search launches one batch after the other.

    Use it as a context: however the command ends, the tracker is told.
    """

    def __init__(self) -> None:
        self.specs: dict[str, RunSpec] = {}
        self.outcomes: dict[str, RunOutcome] = {}
        self.tracker: Tracker = NoTracker()
        self.opened = False
        self.single = False
        self.page: Path | None = None
        self.terminal = console()

    @property
    def first(self) -> RunSpec:
        """The run that was asked for first: it says what all have in common."""
        return next(iter(self.specs.values()))

    @property
    def folder(self) -> Path:
        return self.first.study_folder

    def start(self, specs: Sequence[RunSpec], single: bool = False) -> list[RunOutcome]:
        """Do what is missing of the runs that are asked for; an outcome for each, in their order.

        Runs with the same signature are one run. `single`: the command asks for one run only, so that input which
        cannot be used leaves nothing behind, and the end is a table of its metrics.

        Raises `InputError` for a config that cannot be, before any run has begun.
        """
        for spec in specs:
            check(spec.config)  # before the signature, which looks at the parts that the config names
        new = {spec.signature: spec for spec in specs if spec.signature not in self.specs}
        self.specs |= new
        self.single = single
        if any(spec.config[key] != self.first.config[key] for spec in specs for key in COMMON):
            raise InputError("study, output_dir, compute and draw cannot vary within one command.")
        if self.first.config["dry_run"]:
            self.terminal.print(dry_table(list(new.values())))
            raise DryRun
        todo = [spec for spec in new.values() if spec.config["rerun"] or not is_complete(spec.folder)]
        if single and todo:
            load_pair(todo[0].config)
        self.open()
        kept = {signature: RunOutcome.of(spec, "kept") for signature, spec in new.items() if spec not in todo}
        self.outcomes |= kept
        self.compute(todo, wait=False)
        busy = [spec for spec in todo if self.outcomes[spec.signature].state == "busy"]
        if busy:
            log.info(f"{len(busy)} runs are computed by another process; waiting for them")
            self.compute(busy, wait=True)
        return [self.outcomes[spec.signature] for spec in specs]

    def open(self) -> None:
        """Reach the tracker, once per command."""
        if self.opened:
            return
        self.tracker = part(self.first, "tracking")
        with gc_paused():
            self.tracker.open(self.first.study, self.folder.parent, code())
        self.opened = True

    def compute(self, specs: Sequence[RunSpec], wait: bool) -> None:
        """Do `specs` where `compute` says, and collect their outcomes."""
        if not specs:
            return
        compute: Compute = part(self.first, "compute")
        do = partial(work, tracker=self.tracker.for_runs(compute.where), wait=wait)
        for outcome in compute.run(specs, do, self.folder):
            interruption.check()
            self.outcomes[outcome.signature] = outcome
            if len(self.specs) > 1 and outcome.state != "busy":
                over = sum(o.state != "busy" for o in self.outcomes.values())
                log.info(f"[{over}/{len(self.specs)}] {outcome.signature} {outcome.state}")

    def finish(self) -> int:
        """Print tables, write the report and complete the tracking; the exit code of the command."""
        rows = [(spec, self.outcomes[s]) for s, spec in self.specs.items() if s in self.outcomes]
        if not rows:  # --help, --cfg and the like
            return 0
        bad = [(spec, outcome) for spec, outcome in rows if outcome.error]
        if not self.single:
            self.terminal.print(study_table(rows))
            self.draw(rows)
            self.page = self.report(len(rows) - len(bad))
        elif not bad:
            self.terminal.print(run_table(rows[0][1].metrics))
            kept = " (complete since an earlier command; rerun=true repeats it)" if rows[0][1].state == "kept" else ""
            self.terminal.print(f"results: {rows[0][1].folder}{kept}", soft_wrap=True)
        warn_of_other_code([outcome for _, outcome in rows])
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
        """Draw the figure that the command asks for, before the report, which shows it."""
        name = self.first.config["draw"]
        if name is None:
            return
        try:
            for path in figure_of_command(name, rows, self.folder):
                self.terminal.print(f"figure: {path}", soft_wrap=True)
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
        self.terminal.print(f"report: {page}", soft_wrap=True)
        return page

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *error: object) -> None:
        if self.opened:
            self.tracker.close(self.page.parent if self.page else None)


def part(spec: RunSpec, group: str) -> Any:
    """The object that the config of a run describes for a group."""
    return option_files.instantiate(spec.config[group], group, spec.config["trusted_modules"])


def warn_of_other_code(outcomes: Sequence[RunOutcome]) -> None:
    """Say how many of the results that an earlier command left are from another commit."""
    now = code().get("git_commit")
    kept = [Run(outcome.folder).provenance for outcome in outcomes if outcome.state == "kept"]
    others = [provenance for provenance in kept if provenance.get("git_commit") != now]
    if others:
        log.warning(f"{len(others)} of {len(outcomes)} runs were computed by other code; rerun=true repeats them")

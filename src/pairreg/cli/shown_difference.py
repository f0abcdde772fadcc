"""What `pairreg-diff` prints."""

import json
import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from pairreg.runs.difference import Difference, MetricRow
from pairreg.runs.identity import Input
from pairreg.runs.spec import name_of

_NOTHING = "-"  # what a run does not have
_DIGITS = 8  # of a digest, which tell two contents apart


class ShownDifference:
    """Prints a difference, a part at a time."""

    def __init__(self, terminal: Console, difference: Difference):
        self.terminal, self.difference = terminal, difference
        self.found = False  # whether anything differs that was asked for or used

    def what_was_asked(self) -> None:
        """Print names, settings and inputs."""
        table = Table.grid(padding=(0, 2))
        for title, one in (("first", self.difference.first), ("second", self.difference.second)):
            table.add_row(Text(title, "bold"), Text(str(one.folder)), Text(name_of(one)))
        self.terminal.print(table)
        self.terminal.print()
        if self.difference.are_settings_known:
            self._part("settings", [(r.name, _value(r.first), _value(r.second)) for r in self.difference.settings])
        else:
            self._say("settings: a run that was saved from Python has not kept them")
        if self.difference.are_inputs_known:
            self._part("inputs", [(r.name, _content(r.first), _content(r.second)) for r in self.difference.inputs])
        else:
            self._say("inputs: a run is from before their contents were kept, so they may differ")

    def where_it_was_computed(self) -> None:
        """Print code, versions and machine."""
        for title in ("code", "versions", "machine"):
            rows = getattr(self.difference, title)
            self._part(title, [(r.name, _value(r.first), _value(r.second)) for r in rows])
        if self.difference.is_code_uncertain:
            self._say("The code of both had changes that were not committed, and need not be the same.")

    def metrics(self, labels: bool) -> None:
        """Print the final metrics side by side; with `labels`, also those of single labels."""
        table = self._numbers("metrics", "first", "second", "second - first")
        rows = [*self.difference.metrics(), *(self.difference.metrics(per_label=True) if labels else ())]
        for row in rows:
            texts = [_NOTHING if v is None or math.isnan(v) else row.metric.text(v) for v in (row.first, row.second)]
            name = f"{row.metric.heading} of {row.label}" if row.label else row.metric.title
            table.add_row(Text(name), *texts, _change(row))
        self.terminal.print(table)

    def deformation(self) -> bool:
        """Print how far the deformations are apart; return whether they are the same bytes."""
        obstacle = self.difference.obstacle
        if obstacle:
            self._say(f"The deformations cannot be subtracted: {obstacle}.")
            return False
        parts = {
            "deformation": self.difference.deformation,
            "with the initialisation": self.difference.displacement,
        }
        table = self._numbers("distance in voxels", "mean", "95 %", "largest")
        for name, one in parts.items():
            table.add_row(name, *(f"{value:.3g}" for value in (one.mean, one.percentile_95, one.maximum)))
        self.terminal.print(table)
        is_same = all(one.is_zero for one in parts.values())
        if is_same and not self.found:
            self._say("The runs are the same.")
        elif is_same:
            self._say("The deformations are the same, byte for byte.")
        else:
            one = parts["with the initialisation"]
            self._say(f"The deformations differ by {one.mean:.3g} voxels in the mean, {one.maximum:.3g} at most.")
        return is_same

    def _part(self, title: str, rows: Sequence[tuple[str, str, str]]) -> None:
        """Print what differs, or that nothing does."""
        if not rows:
            self.terminal.print(Text.assemble((title, "bold"), ": the same"))
            return
        self.found = True
        table = _table(title, "first", "second")
        for name, first, second in rows:
            table.add_row(Text(name), Text(first), Text(second))
        self.terminal.print(table)

    def _numbers(self, title: str, *columns: str) -> Table:
        """Return a table of numbers, below a blank line."""
        self.terminal.print()
        return _table(title, *columns, justify="right")

    def _say(self, sentence: str) -> None:
        self.terminal.print(sentence, highlight=False)


def _table(title: str, *columns: str, justify: JustifyMethod = "left") -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title, overflow="fold")
    for name in columns:
        table.add_column(name, overflow="fold", justify=justify)
    return table


def _value(value: Any) -> str:
    """Return a setting as it is given on a command line."""
    if value is None:
        return _NOTHING
    return value if isinstance(value, str) else json.dumps(value)


def _content(one: Input | None) -> str:
    """Return a file with the beginning of the digest of its content."""
    return _NOTHING if one is None else f"{one.path} ({one.digest[:_DIGITS]})"


def _change(row: MetricRow) -> str:
    """Return the second value less the first, with as many digits as tell them apart."""
    if row.first is None or row.second is None or math.isnan(row.first - row.second):
        return _NOTHING
    change = row.second - row.first
    rounded = f"{change:+.{row.metric.decimals}f}"
    return "same" if change == 0 else rounded if float(rounded) else f"{change:+.1g}"

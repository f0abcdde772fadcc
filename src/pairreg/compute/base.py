"""Where the runs of a study are computed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.validation import Checked

Work = Callable[[RunSpec], RunOutcome]  # can be pickled, and does not raise unless it is interrupted


@dataclass(frozen=True, kw_only=True)
class Compute(Checked, ABC):
    """A place where runs are computed."""

    in_process: ClassVar[bool] = False  # in the process of the command
    remote: ClassVar[bool] = False  # on other machines, which see the run folders

    @abstractmethod
    def run(self, tasks: Sequence[RunSpec], work: Work, folder: Path) -> Iterator[RunOutcome]:
        """What `work` makes of each task, in any order, as it comes; `folder` is that of the study."""


def died(task: RunSpec, reason: str) -> RunOutcome:
    """The outcome of a task whose process ended before it could report anything."""
    return RunOutcome.failed(task, f"its process died ({reason}), maybe of too little memory")

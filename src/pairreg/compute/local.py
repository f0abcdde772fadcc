from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pairreg.compute.base import Compute, Work
from pairreg.study.outcome import Outcome
from pairreg.study.task import Task


@dataclass(frozen=True)
class Local(Compute):
    """One run after the other in this process."""

    in_process: ClassVar[bool] = True

    def run(self, tasks: Sequence[Task], work: Work, folder: Path) -> Iterator[Outcome]:
        del folder
        return map(work, tasks)

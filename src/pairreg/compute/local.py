"""Runs in the process of the command."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

from pairreg.backend import threads_in_use
from pairreg.backend.memory import resident_mb
from pairreg.compute.base import Compute, Work
from pairreg.compute.processes import Processes
from pairreg.runs.outcome import RunOutcome, Where
from pairreg.runs.spec import RunSpec
from pairreg.validation import Positive


@final
@dataclass(frozen=True, kw_only=True)
class Local(Compute):
    """Computes one run after the other in this process, so that compiled steps are used again.

    **Arguments:** `memory_gb`: once this process holds more, the rest goes on in a second one, which is replaced
    whenever it has grown as much: TensorFlow keeps part of what it has compiled.
    """

    where: ClassVar[Where] = "here"

    memory_gb: Positive = 4.0

    def run(self, tasks: Sequence[RunSpec], work: Work, folder: Path) -> Iterator[RunOutcome]:
        for i, task in enumerate(tasks):
            # TensorFlow cannot be given another number of threads in a process that uses it: an earlier run does, or
            # the check of a config, with a schedule of Keras or a module of the user's
            if resident_mb() > 1000 * self.memory_gb or threads_in_use() not in (None, task.config["threads"]):
                yield from Processes(workers=1, memory_gb=self.memory_gb).run(tasks[i:], work, folder)
                return
            yield work(task)

"""The base of all backends that compute runs, and what every process that computes them does first."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pairreg.devices import VISIBLE
from pairreg.runs.outcome import RunOutcome, Where
from pairreg.runs.spec import RunSpec
from pairreg.validation import Checked

Work = Callable[[RunSpec], RunOutcome]  # can be pickled, and does not raise unless it is interrupted
# of OpenMP and BLAS (NumPy, SciPy) and of SimpleITK; those of TensorFlow are a setting of the run
THREADS = ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


@dataclass(frozen=True, kw_only=True)
class Compute(Checked, ABC):
    """A backend that computes runs: it starts processes that are a `Worker` each, and collects the outcomes."""

    where: ClassVar[Where] = "this machine"

    @abstractmethod
    def run(self, tasks: Sequence[RunSpec], work: Work, folder: Path) -> Iterator[RunOutcome]:
        """Yield the outcome that `work` returns for each task, as it comes, in any order.

        `folder` is that of the study, for files that the backend itself keeps.
        """


@dataclass(frozen=True)
class Worker:
    """The share of the machine that one process has, which computes runs for the command; can be pickled.

    **Attributes:** `cpus`: its share of the cores, at least one thread of each library; `device`: the one GPU that it
    sees, None = those that its scheduler left visible; `folder`: where the command was called, which paths in a config
    are relative to.
    """

    cpus: float
    device: str | None = None
    folder: str = field(default_factory=os.getcwd)

    def prepare(self) -> None:
        """Set up this process before the libraries read their settings; a second call does no harm.

        A child of the command's process leaves Ctrl-C to its parent, and ends with it. Others have a scheduler.
        """
        os.chdir(self.folder)
        os.environ.update(dict.fromkeys(THREADS, str(max(1, int(self.cpus)))))
        if self.device is not None:
            os.environ[VISIBLE] = self.device
        if multiprocessing.parent_process() is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches the whole group
            threading.Thread(target=_end_with_parent, daemon=True).start()

    def do(self, work: Work, task: RunSpec) -> RunOutcome:
        """Return the outcome of `work`, in a process that does nothing but such tasks."""
        self.prepare()
        return work(task)


def died(task: RunSpec, reason: str) -> RunOutcome:
    """Return the outcome of a task whose process ended before it could report anything."""
    return RunOutcome.failed(task, f"its process died ({reason}), maybe of too little memory")


def _end_with_parent() -> None:
    # The parent may be killed without a chance to stop its children; a run that nobody waits for would go on.
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)

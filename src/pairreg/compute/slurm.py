"""Runs on a Slurm cluster."""

import logging
import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, final

from pydantic import Field

from pairreg.compute.base import Compute, Work, Worker, died
from pairreg.compute.slurm_commands import cancel, in_queue, most_in_array
from pairreg.errors import InputError
from pairreg.foreign_messages import last_line
from pairreg.runs.outcome import RunOutcome, Where
from pairreg.runs.spec import RunSpec
from pairreg.validation import Count, Positive

_POLL = 2.0  # seconds between looks for results
_LOOK = 10.0  # seconds between looks at the queue
_TIMEOUTS = 3  # times that a run whose time is over is queued again, each time from its checkpoint
_TRACE = "-" * 10  # what submitit puts around the traceback of a task
log = logging.getLogger("pairreg")


@final
@dataclass(frozen=True, kw_only=True)
class Slurm(Compute):
    """Computes every run as one task of a Slurm job array, by submitit.

    All nodes have to see the run folder. A task that is pre-empted, loses its node, or needs more than its `minutes`
    (three times at most) is queued again, and goes on from the checkpoint of its run. An interrupted command cancels
    its tasks. One that is killed, or loses its terminal, does not: the same command later picks up what they have
    finished. More runs than an array of the cluster may have are several arrays.

    **Arguments:** `partition`: None = the default one; `minutes`, `cpus`, `memory_gb`, `gpus`: of one run; `at_once`:
    most tasks that run at a time; `extra`: further options of sbatch.

    Raises `InputError` (when runs are computed) without sbatch, if Slurm refuses the tasks, or if a node does not see
    the run folder.
    """

    where: ClassVar[Where] = "elsewhere"

    partition: str | None = None
    minutes: Count = 60
    cpus: Count = 4
    memory_gb: Positive = 16
    gpus: Annotated[int, Field(ge=0, le=1024)] = 0
    at_once: Count = 64
    extra: Mapping[str, str | int | bool | None] = field(default_factory=dict)

    def run(self, tasks: Sequence[RunSpec], work: Work, folder: Path) -> Iterator[RunOutcome]:
        if shutil.which("sbatch") is None:
            raise InputError("compute=slurm needs Slurm's sbatch, which is not on this machine's PATH.")
        jobs: list[Any] = []
        waiting: dict[Any, RunSpec] = {}
        try:
            for part, at_once in _arrays(tasks, most_in_array(), self.at_once):
                submitted = self._submit(part, at_once, work, folder)
                jobs += submitted
                waiting |= dict(zip(submitted, part, strict=True))
            log.info(f"Slurm jobs {', '.join(_ids(jobs))}: {len(jobs)} runs; logs in {folder / 'slurm'}")
            queue = _Queue()
            # Outcomes are yielded as jobs end, in whatever order the cluster runs them.
            while waiting:
                lost = queue.lost(list(waiting))
                for job in [job for job in waiting if job.done()]:
                    yield self.outcome(job, waiting.pop(job), folder)
                for job in lost & waiting.keys():
                    yield _without_result(job, waiting.pop(job), folder, "it left the queue")
                time.sleep(_POLL if waiting else 0)
        finally:
            # A task that was queued again may have left its result before: it would wait for minutes to do nothing.
            cancel(_ids(jobs), pending_only=not waiting)

    def _submit(self, tasks: Sequence[RunSpec], at_once: int, work: Work, folder: Path) -> list[Any]:
        """Put tasks into the queue as one array; return their jobs in the same order."""
        import submitit

        logging.getLogger("submitit").setLevel(logging.ERROR)  # it warns at every look if accounting is off
        executor = submitit.SlurmExecutor(folder=(folder / "slurm").resolve(), max_num_timeout=_TIMEOUTS)
        executor.update_parameters(
            job_name=f"pairreg-{folder.name}",
            time=self.minutes,
            cpus_per_task=self.cpus,
            mem=f"{math.ceil(1024 * self.memory_gb)}MB",  # sbatch takes whole numbers
            array_parallelism=at_once,
            # many clusters allow it only to jobs that ask for it
            additional_parameters={"requeue": True, **self.extra},
            **({"partition": self.partition} if self.partition else {}),
            **({"gres": f"gpu:{self.gpus}"} if self.gpus else {}),
        )
        try:
            return list(executor.map_array(Requeued(Worker(self.cpus), work), tasks))
        except submitit.core.utils.FailedJobError as error:
            raise InputError(
                f"Slurm refuses the runs ({last_line(error)}); look at the settings of compute, such as partition and "
                "minutes."
            ) from None

    def outcome(self, job: Any, task: RunSpec, folder: Path) -> RunOutcome:
        """Return the outcome of a job, also of one that died; raises `InputError` if its node does not see `folder`."""
        import submitit

        try:
            return job.result()
        except submitit.core.utils.FailedJobError as error:  # the process could say why
            reason = _last_of_trace(str(error))
            if "timed-out too many times" in reason:
                reason = f"its time was over {_TIMEOUTS + 1} times, {self.minutes} minutes each; give compute.minutes=N"
            return RunOutcome.failed(task, f"Slurm job {job.job_id}: {reason}")
        except submitit.core.utils.UncompletedJobError:
            return _without_result(job, task, folder, job.state)


@final
class _Queue:
    """Looks at the queue from time to time; as results come late over a network, a job is lost at the second look."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _LOOK
        self._missing: set[Any] = set()

    def lost(self, jobs: Sequence[Any]) -> set[Any]:
        """Return the jobs that this look and the one before have not found in the queue."""
        if time.monotonic() < self._next:
            return set()
        self._next = time.monotonic() + _LOOK
        known = in_queue()
        if known is None:
            return set()
        missing = {job for job in jobs if job.job_id not in known}
        lost, self._missing = missing & self._missing, missing
        return lost


def _arrays(tasks: Sequence[RunSpec], most: int, at_once: int) -> Iterator[tuple[Sequence[RunSpec], int]]:
    """Yield the tasks of each array, and how many of them may run at a time, so that it is `at_once` for all."""
    parts = [tasks[i : i + most] for i in range(0, len(tasks), most)]
    for part in parts:
        yield part, max(1, at_once // len(parts))


def _without_result(job: Any, task: RunSpec, folder: Path, how: str) -> RunOutcome:
    """Return the outcome of a job that ended without a result.

    Raises `InputError` if it has not even left the file of what it prints: its node does not see the folder.
    """
    if not job.paths.stdout.exists():
        raise InputError(
            f"A node of this Slurm cluster does not see {folder.resolve()}: job {job.job_id} ended there, and left "
            "nothing. Give an output_dir on a disk that all nodes share."
        )
    return died(task, f"Slurm job {job.job_id}: {how}")


def _ids(jobs: Sequence[Any]) -> list[str]:
    """Return the ids of jobs and job arrays, each once."""
    return list(dict.fromkeys(job.job_id.partition("_")[0] for job in jobs))


def _last_of_trace(text: str) -> str:
    """Return the last line of the traceback in a message of submitit."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ends = [i for i, line in enumerate(lines) if line.startswith(_TRACE)]
    return lines[ends[-1] - 1] if ends else lines[-1]


class Requeued:
    """The `work` of a worker, which Slurm starts again from the beginning when it takes its node away."""

    def __init__(self, worker: Worker, work: Work):
        self.worker, self.work = worker, work

    def __call__(self, task: RunSpec) -> RunOutcome:
        return self.worker.do(self.work, task)

    def checkpoint(self, task: RunSpec) -> Any:
        """Return what submitit queues again: the same work."""
        import submitit

        return submitit.helpers.DelayedSubmission(self, task)

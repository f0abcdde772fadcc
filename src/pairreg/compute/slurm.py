"""Runs on a Slurm cluster."""

import logging
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, final

from pydantic import Field

from pairreg.compute.base import Compute, Work, Worker, died
from pairreg.errors import InputError
from pairreg.foreign_messages import last_line
from pairreg.runs.outcome import RunOutcome, Where
from pairreg.runs.spec import RunSpec
from pairreg.validation import Count, Positive

_POLL = 2.0  # seconds
log = logging.getLogger("pairreg")


@final
@dataclass(frozen=True, kw_only=True)
class Slurm(Compute):
    """Computes every run as one task of a Slurm job array, by submitit.

    All nodes have to see the run folder. A pre-empted or timed-out task is queued again. An interrupted command cancels
    its tasks. One that is killed, or loses its terminal, does not: the same command later picks up what they have
    finished.

    **Arguments:** `partition`: None = the default one; `minutes`, `cpus`, `memory_gb`, `gpus`: of one run; `at_once`:
    most tasks that run at a time; `extra`: further options of sbatch.

    Raises `InputError` (when runs are computed) without sbatch, or if it takes no job.
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
        import submitit

        if shutil.which("sbatch") is None:
            raise InputError("compute=slurm needs Slurm's sbatch, which is not on this machine's PATH.")
        logging.getLogger("submitit").setLevel(logging.ERROR)  # it warns at every look if accounting is off
        executor = submitit.SlurmExecutor(folder=(folder / "slurm").resolve())
        executor.update_parameters(
            job_name=f"pairreg-{folder.name}",
            time=self.minutes,
            cpus_per_task=self.cpus,
            mem=f"{self.memory_gb:g}GB",
            array_parallelism=self.at_once,
            additional_parameters=dict(self.extra),
            **({"partition": self.partition} if self.partition else {}),
            **({"gres": f"gpu:{self.gpus}"} if self.gpus else {}),
        )
        try:
            jobs = executor.map_array(Requeued(Worker(self.cpus), work), tasks)
        except submitit.core.utils.FailedJobError as error:
            said = last_line(error)
            raise InputError(
                f"Slurm takes no runs here ({said}); look at `sinfo`, and at the settings of compute."
            ) from None
        array = jobs[0].job_id.partition("_")[0]
        log.info(f"Slurm job array {array}: {len(jobs)} runs; logs in {folder / 'slurm'}")
        waiting = dict(zip(jobs, tasks, strict=True))
        try:
            # Outcomes are yielded as jobs end, in whatever order the cluster runs them.
            while waiting:
                for job in [job for job in waiting if job.done()]:
                    yield self.outcome(job, waiting.pop(job))
                time.sleep(_POLL if waiting else 0)
        finally:
            if waiting:
                _cancel(array)

    @staticmethod
    def outcome(job: Any, task: RunSpec) -> RunOutcome:
        """Return the outcome of a job, also of one that died."""
        import submitit

        try:
            return job.result()
        except submitit.core.utils.UncompletedJobError:
            return died(task, f"Slurm job {job.job_id}: {job.state}")


def _cancel(array: str) -> None:
    """Cancel what has not ended of a job array.

    A task passes over the SIGTERM that scancel sends, as submitit has it wait for another signal to be queued again,
    and would go on until Slurm kills it half a minute later. SIGINT ends it at once. Tasks that wait are cancelled
    first: scancel would try for seconds to send them a signal.
    """
    for options in (["--state=PENDING"], ["--signal=INT"], []):
        subprocess.run(["scancel", *options, array], capture_output=True, check=False)


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

"""Runs on a Ray cluster."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

from pairreg.compute.base import Compute, Work, Worker, died
from pairreg.errors import InputError
from pairreg.runs.outcome import RunOutcome, Where
from pairreg.runs.spec import RunSpec
from pairreg.validation import NonNegative, Positive

ANSWER = 10.0  # seconds that a living cluster takes at most


@final
@dataclass(frozen=True, kw_only=True)
class Ray(Compute):
    """Computes every run as one task of an existing Ray cluster, one that was started with `ray start --head`.

    All nodes have to see the run folder.

    **Arguments:** `address`: of the cluster, `auto` = the one on this machine, or `$RAY_ADDRESS`; `cpus`, `gpus`: of
    one run.

    Raises `InputError` (when runs are computed) if Ray is not installed or the cluster cannot be joined.
    """

    where: ClassVar[Where] = "elsewhere"

    address: str = "auto"
    cpus: Positive = 1
    gpus: NonNegative = 0

    def run(self, tasks: Sequence[RunSpec], work: Work, folder: Path) -> Iterator[RunOutcome]:
        del folder
        try:
            import ray
        except ImportError:
            raise InputError("compute=ray needs the package ray; install pairreg[ray].") from None
        require_cluster(self.address)
        ray.init(address=self.address, log_to_driver=False, logging_level="error")
        try:
            # no second try: what kills a process kills the next one, too
            remote = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=0)(Worker.do)
            waiting = {remote.remote(Worker(self.cpus), work, task): task for task in tasks}
            while waiting:
                for reference in ray.wait(list(waiting))[0]:
                    task = waiting.pop(reference)
                    try:
                        yield ray.get(reference)
                    except ray.exceptions.RayTaskError as error:  # the process is well, such as one without pairreg
                        reason = str(error.cause).partition("\n")[0]
                        yield RunOutcome.failed(task, f"{type(error.cause).__name__}: {reason}")
                    except ray.exceptions.RayError as error:
                        yield died(task, type(error).__name__)
        finally:
            ray.shutdown()


def require_cluster(address: str) -> None:
    """Raise `InputError` unless a cluster at `address` lets a process join within `ANSWER` seconds.

    A process of its own tries it: `ray.init` waits much longer for a cluster that has died, and cannot be told not to.
    """
    join = f"import ray; ray.init(address={address!r}, log_to_driver=False, logging_level='error')"
    try:
        asked = subprocess.run([sys.executable, "-c", join], capture_output=True, text=True, timeout=ANSWER)
    except subprocess.TimeoutExpired:
        reason = "no answer"
    else:
        if asked.returncode == 0:
            return
        reason = asked.stderr.strip().rpartition("\n")[2] or f"exit code {asked.returncode}"
    raise InputError(
        f"compute.address should be a Ray cluster that can be joined within {ANSWER:g} s; it is {address!r} "
        f"({reason}). Start one with `ray start --head`."
    )

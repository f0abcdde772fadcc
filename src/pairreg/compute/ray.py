import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pairreg.compute.base import Compute, Work, died
from pairreg.errors import InputError
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.validation import NonNegative, Positive

ANSWER = 10.0  # seconds that a living cluster takes at most


@dataclass(frozen=True, kw_only=True)
class Ray(Compute):
    """Every run as one task of an existing Ray cluster, one that was started with `ray start`.

    **Arguments:** see `conf/compute/ray.yaml`.
    """

    remote: ClassVar[bool] = True

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
            remote = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=0)(within)
            waiting = {remote.remote(os.getcwd(), work, task): task for task in tasks}
            while waiting:
                for reference in ray.wait(list(waiting))[0]:
                    task = waiting.pop(reference)
                    try:
                        yield ray.get(reference)
                    except ray.exceptions.RayError as error:
                        yield died(task, type(error).__name__)
        finally:
            ray.shutdown()


def require_cluster(address: str) -> None:
    """Raise `InputError` unless a cluster answers within `ANSWER` seconds.

    Asked in a process of its own: `ray.init` waits much longer for a cluster that has died, and cannot be told not to.
    """
    join = f"import ray; ray.init(address={address!r}, log_to_driver=False, logging_level='error')"
    try:
        subprocess.run([sys.executable, "-c", join], capture_output=True, check=True, timeout=ANSWER)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise InputError(
            f"no Ray cluster answers at {address!r} within {ANSWER:g} s; start one with `ray start --head`."
        ) from None


def within(folder: str, work: Work, task: RunSpec) -> RunOutcome:
    """`work` where the command was called: paths in its config are relative to that folder."""
    os.chdir(folder)
    return work(task)

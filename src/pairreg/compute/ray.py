"""Runs on a Ray cluster."""

import os
import socket
import subprocess
import sys
import tempfile
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
_LOOK, _CONNECT = 1.0, 3.5  # seconds: between looks at its head, and that a connection may take; two looks are below 10
_CALLS = 50  # runs of a process, which is then replaced: it has grown by some ten MB
_OF_NODES = 60.0  # seconds that a node may take to look for a folder, for which it may have to start a process


@final
@dataclass(frozen=True, kw_only=True)
class Ray(Compute):
    """Computes every run as one task of an existing Ray cluster, one that was started with `ray start --head`.

    All nodes have to see the run folder. A node that is lost costs its runs only, a cluster that is lost those that are
    not complete.

    **Arguments:** `address`: of the cluster, `auto` = the one on this machine, or `$RAY_ADDRESS`; `cpus`, `gpus`: of
    one run.

    Raises `InputError` (when runs are computed) if Ray is not installed, the cluster cannot be joined, or a node does
    not see the run folder or the working folder.
    """

    where: ClassVar[Where] = "elsewhere"

    address: str = "auto"
    cpus: Positive = 1
    gpus: NonNegative = 0

    def run(self, tasks: Sequence[RunSpec], work: Work, folder: Path) -> Iterator[RunOutcome]:
        try:
            import ray
        except ImportError:
            raise InputError("compute=ray needs the package ray; install pairreg[ray].") from None
        require_cluster(self.address)
        ray.init(address=self.address, log_to_driver=False, logging_level="error")
        try:
            _check_shared(folder)
            head = _Head(ray.get_runtime_context().gcs_address)
            # No second try: what kills a process kills the next one, too. A process computes many runs, which start
            # sooner for it, but not with another number of threads, and not for ever: TensorFlow keeps both that
            # number and part of what it has compiled.
            calls = 1 if len({task.config["threads"] for task in tasks}) > 1 else _CALLS
            options = {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_retries": 0, "max_calls": calls}
            remote = ray.remote(**options)(Worker.do)
            waiting = {remote.remote(Worker(self.cpus), work, task): task for task in tasks}
            while waiting:
                ready = ray.wait(list(waiting), timeout=_LOOK)[0]
                if not ready and head.is_gone():
                    for task in waiting.values():
                        yield RunOutcome.failed(task, f"the Ray cluster at {head.address} is gone")
                    return
                for reference in ready:
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


@final
class _Head:
    """Looks whether the head of a cluster is there: Ray itself would notice after a minute, and end this process."""

    def __init__(self, address: str):
        self.address = address
        self._failures = 0

    def is_gone(self) -> bool:
        """Return whether nobody accepts a connection, at this look and the one before."""
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT).close()
            self._failures = 0
        except OSError:
            self._failures += 1
        return self._failures > 1


def _check_shared(folder: Path) -> None:
    """Raise `InputError` if a node does not see `folder`, which is made if it is missing, or the working folder."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    folder.mkdir(parents=True, exist_ok=True)
    look = ray.remote(num_cpus=0, max_retries=0)(os.path.exists)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".shared-") as mark:
        asked = {
            look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(path): (
                node["NodeManagerHostname"],
                shown,
            )
            for node in ray.nodes()
            if node["Alive"]
            for path, shown in ((mark.name, folder.resolve()), (os.getcwd(), os.getcwd()))
        }
        answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=_OF_NODES)
        if silent:
            raise InputError(f"compute=ray: node {asked[silent[0]][0]} does not answer within {_OF_NODES:g} s.")
        for reference in answered:
            node, shown = asked[reference]
            if not ray.get(reference):
                raise InputError(f"compute=ray: node {node} does not see {shown}; use a disk that all nodes share.")


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

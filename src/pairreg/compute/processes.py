"""Runs in several processes of one machine."""

import multiprocessing
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, final

from pairreg.backend.memory import highest_mb, resident_mb
from pairreg.compute.base import Compute, Work, Worker, died
from pairreg.compute.packing import room
from pairreg.devices import cores, free_on, gpu_names
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.validation import Count, Positive

_PATIENCE = 3.0  # seconds


@final
@dataclass(frozen=True, kw_only=True)
class Processes(Compute):
    """Computes several runs at once in processes of their own; with GPUs, one run per GPU.

    A process that dies costs its run only: another one takes its place.

    **Arguments:**

    - `workers`: processes; None = one per GPU, or 2 where there is none. The cores are divided among them, and each
      sees one GPU.
    - `pack`: once a first run has shown how much memory it takes, start as many more processes as fit into half of what
      is free beside it, up to one for each core; several of them share a GPU. For small runs that are much alike: one
      that needs far more than the first may not find the memory.
    - `memory_gb`: a process that holds more than this after a run is replaced, because TensorFlow keeps part of what it
      has compiled.
    """

    workers: Count | None = None
    pack: bool = False
    memory_gb: Positive = 4.0

    def run(self, tasks: Sequence[RunSpec], work: Work, folder: Path) -> Iterator[RunOutcome]:
        del folder
        todo: queue.SimpleQueue[RunSpec] = queue.SimpleQueue()
        for task in tasks:
            todo.put(task)
        outcomes: queue.SimpleQueue[_Done | BaseException] = queue.SimpleQueue()
        devices = gpu_names()
        stop = threading.Event()
        # A thread for each process, so that one that dies takes no task of the others with it.
        threads: list[threading.Thread] = []

        def start(more: int) -> None:
            begun = len(threads)
            for number in range(begun, begun + more):
                worker = Worker(cores() // (begun + more), devices[number % len(devices)] if devices else None)
                arguments = (todo, outcomes, work, worker, self.memory_gb, stop)
                threads.append(threading.Thread(target=_serve, args=arguments, daemon=True))
                threads[-1].start()

        free = free_on(devices) if self.pack else {}
        may_pack = self.pack and len(free) == len(devices)
        start(min(len(tasks), self.workers or len(devices) or 2))
        try:
            for _ in tasks:
                done = outcomes.get()
                if isinstance(done, BaseException):
                    raise done
                if may_pack and done.outcome.state == "done":
                    may_pack = False
                    start(max(0, min(cores() - len(threads), todo.qsize(), room(free, done.highest_mb))))
                yield done.outcome
        except BaseException:
            # Otherwise Python would wait for the runs that go on before this process can end.
            stop.set()
            _end(threads)
            raise


class _Done(NamedTuple):
    """An outcome, and the memory that its process holds now and has held at most, in MB."""

    outcome: RunOutcome
    resident_mb: float = 0.0
    highest_mb: float = 0.0


def _do(work: Work, task: RunSpec) -> _Done:
    return _Done(work(task), resident_mb(), highest_mb("self"))


def _serve(
    todo: "queue.SimpleQueue[RunSpec]",
    outcomes: "queue.SimpleQueue[_Done | BaseException]",
    work: Work,
    worker: Worker,
    memory_gb: float,
    stop: threading.Event,
) -> None:
    """Give tasks to one process until nothing is left to do, or `stop` is set.

    It is replaced if it dies, has grown too large, or runs TensorFlow with other threads than the next task asks for.
    """
    pool = _one_process(worker)
    threads = None
    try:
        while not stop.is_set():
            task = todo.get_nowait()
            if threads not in (None, task.config["threads"]):
                pool.shutdown()
                pool = _one_process(worker)
            threads = task.config["threads"]
            try:
                done = pool.submit(_do, work, task).result()
            except BrokenProcessPool:
                if stop.is_set():
                    return
                outcomes.put(_Done(died(task, "killed")))
                pool = _one_process(worker)
                continue
            outcomes.put(done)
            if done.resident_mb > 1000 * memory_gb:
                pool.shutdown()
                pool = _one_process(worker)
    except queue.Empty:
        pool.shutdown()
    except BaseException as error:  # for the main thread to raise
        outcomes.put(error)


def _one_process(worker: Worker) -> ProcessPoolExecutor:
    """Start a process that has been prepared for the work."""
    # a forked child would share the locks of this process's threads
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=worker.prepare)


def _end(threads: Sequence[threading.Thread]) -> None:
    """End the processes that `threads` serve, whose runs can go on later, and wait for the threads."""
    until = time.monotonic() + _PATIENCE
    while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
        for child in multiprocessing.active_children():  # one that is being started comes up in a later round
            child.kill()
        time.sleep(0.05)

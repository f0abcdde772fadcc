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
from typing import final

from pairreg.backend.memory import resident_mb
from pairreg.compute.base import Compute, Work, Worker, died
from pairreg.devices import cores, gpu_names
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
    - `memory_gb`: a process that holds more than this after a run is replaced, because TensorFlow keeps part of what it
      has compiled.
    """

    workers: Count | None = None
    memory_gb: Positive = 4.0

    def run(self, tasks: Sequence[RunSpec], work: Work, folder: Path) -> Iterator[RunOutcome]:
        del folder
        todo: queue.SimpleQueue[RunSpec] = queue.SimpleQueue()
        for task in tasks:
            todo.put(task)
        outcomes: queue.SimpleQueue[RunOutcome | BaseException] = queue.SimpleQueue()
        devices = gpu_names()
        workers = min(len(tasks), self.workers or len(devices) or 2)
        stop = threading.Event()
        # A thread for each process, so that one that dies takes no task of the others with it.
        threads = []
        for number in range(workers):
            worker = Worker(cores() // workers, devices[number % len(devices)] if devices else None)
            arguments = (todo, outcomes, work, worker, self.memory_gb, stop)
            threads.append(threading.Thread(target=_serve, args=arguments, daemon=True))
            threads[-1].start()
        try:
            for _ in tasks:
                outcome = outcomes.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        except BaseException:
            # Otherwise Python would wait for the runs that go on before this process can end.
            stop.set()
            _end(threads)
            raise


def _serve(
    todo: "queue.SimpleQueue[RunSpec]",
    outcomes: "queue.SimpleQueue[RunOutcome | BaseException]",
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
                outcomes.put(pool.submit(work, task).result())
                if pool.submit(resident_mb).result() > 1000 * memory_gb:
                    pool.shutdown()
                    pool = _one_process(worker)
            except BrokenProcessPool:
                if stop.is_set():
                    return
                outcomes.put(died(task, "killed"))
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

"""Runs that cost nothing, to see what the processes are like that would compute them."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pairreg.compute.base import THREADS
from pairreg.devices import VISIBLE
from pairreg.files import replacing
from pairreg.interruption import PATIENCE
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec

# Seconds in which an interrupted command has ended. A library may hold it for `PATIENCE`, and a busy machine needs some
# more to wake it and its workers; what waits for a run, a cluster or a queue would take half a minute.
LIMIT = PATIENCE + 6

CONFIG = {
    "study": "s",
    "output_dir": "runs",
    "trusted_modules": [],
    "threads": 4,
    "pair": {"_target_": "pairreg.pair.bundled.thorax_ct_2d"},
}


def specs(count: int) -> list[RunSpec]:
    """Runs with the seeds 0, 1, …"""
    return [RunSpec(CONFIG | {"seed": seed}, {"pair": "p"}) for seed in range(count)]


def note(spec: RunSpec, folder: Path, workers: int = 1) -> RunOutcome:
    """Writes down what the process of a run sees; `seen` reads it. Waits until `workers` processes have taken part."""
    facts = [os.getpid(), os.getcwd(), *(os.environ.get(name, "") for name in (*THREADS, VISIBLE))]
    with replacing(folder / spec.signature) as part:
        part.write_text("\n".join(map(str, facts)))
    wait_for(lambda: len({one.pid for one in seen(folder)}) >= workers)
    return RunOutcome(spec.signature, folder)


def slowly(spec: RunSpec, folder: Path) -> RunOutcome:
    time.sleep(0.3)
    return note(spec, folder)


def die(spec: RunSpec, folder: Path, workers: int = 1) -> RunOutcome:
    """Kills the process of the run with seed 1; the others are those of `note`."""
    if spec.config["seed"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return note(spec, folder, workers)


class Seen:
    """What `note` wrote: process id, working folder, thread limits and devices, each as text."""

    def __init__(self, path: Path):
        self.pid, self.cwd, *threads, self.devices = path.read_text().split("\n")
        self.threads = tuple(threads)


def seen(folder: Path) -> list[Seen]:
    return [Seen(path) for path in folder.glob("[!.]*")]


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Asserts that `condition` comes true in time; the default is for a machine that is busy."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


def programs_in(folder: Path) -> dict[int, str]:
    """The processes, by their ids, that work in a folder or below it, with the names of their programs."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # of somebody else, or ended; one that nobody has waited for works nowhere
            at = Path(os.readlink(process / "cwd").removesuffix(" (deleted)"))
            if at.is_relative_to(folder):
                found[int(process.name)] = (process / "comm").read_text().strip()
    return found


def only_the_killed_run_is_lost(outcomes: list[RunOutcome]) -> None:
    """Asserts that, of the runs that `die` did, that with seed 1 failed by a sentence and the others are done."""
    by_signature = {outcome.signature: outcome for outcome in outcomes}
    first, killed, *others = [by_signature.pop(spec.signature) for spec in specs(len(outcomes))]
    assert not by_signature
    assert killed.state == "failed" and "its process died" in str(killed.error)
    assert {outcome.state for outcome in (first, *others)} == {"done"}

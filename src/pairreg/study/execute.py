"""One run: a task in, a run folder and a tracked run out."""

import functools
import json
import multiprocessing

from rich.console import Console

from pairreg import interruption, option_files
from pairreg.errors import DivergedError, InputError
from pairreg.locks import Busy, lock_run
from pairreg.pair.pair import Pair
from pairreg.runs.folder import is_complete, recorded
from pairreg.runs.identity import flat
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.study.checked_config import check
from pairreg.tracking.base import RunInfo, TrackedRun, Tracker


def work(task: RunSpec, tracker: Tracker, wait: bool = False) -> RunOutcome:
    """Do the run unless it is complete. A run that fails is an outcome; only an interruption is raised.

    With `wait`, a run that another process is at is awaited (and then usually complete); without, it is `busy`.
    """
    again = bool(task.config["rerun"])
    try:
        if is_complete(task) and not again:
            return RunOutcome.of(task, "kept")
        with lock_run(task.folder, wait):
            if is_complete(task) and not again:
                return RunOutcome.of(task, "kept")
            with tracker.start(info(task)) as tracked, recorded(task):
                register(task, tracked)
            return RunOutcome.of(task, "done")
    except Busy:
        return RunOutcome.of(task, "busy")
    except InputError as error:
        return RunOutcome.of(task, "refused", str(error))
    except DivergedError as error:
        return RunOutcome.failed(task, str(error))
    except Exception as error:
        return RunOutcome.failed(task, f"{type(error).__name__}: {error}")


def load_pair(task: RunSpec) -> Pair:
    """The pair of a task; the last one is kept, as most studies do many runs with one pair."""
    return _load(json.dumps(task.config["pair"], sort_keys=True), tuple(task.config["trusted_modules"]))


@functools.lru_cache(maxsize=1)
def _load(pair: str, trusted: tuple[str, ...]) -> Pair:
    return option_files.instantiate(json.loads(pair), "pair", trusted)


def info(task: RunSpec) -> RunInfo:
    from pairreg.runs.provenance import provenance

    return RunInfo(task.config["study"], task.folder.resolve(), task.choices, flat(task.config), provenance())


def register(task: RunSpec, tracked: TrackedRun) -> None:
    from pairreg import registration as optimization
    from pairreg.runs.write import save_partial
    from pairreg.study.progress import ProgressBar, ProgressLog

    console = Console()
    alone = console.is_terminal and multiprocessing.parent_process() is None  # several bars would be a mess
    watching = [ProgressLog(), tracked, interruption.Interruption()] + ([ProgressBar(console)] if alone else [])
    numerics = {key: task.config[key] for key in ("precision", "seed")}
    try:
        result = optimization.register(load_pair(task), **check(task).parts, **numerics, observers=watching)
    except DivergedError as error:
        if error.result is not None:
            save_partial(error.result, task.folder, task.config)
            tracked.finish(error.result.metrics)
        raise
    result.save(task.folder, task.config, task.choices)
    tracked.finish(result.metrics)

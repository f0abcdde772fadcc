"""The execution of one run: from its specification to a run folder and a tracked run."""

import json
import multiprocessing
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, final

import numpy as np

from pairreg import interruption, machine_errors, option_files
from pairreg.backend import configure, drop_damaged_code
from pairreg.console import console
from pairreg.errors import DivergedError, InputError, MethodError, PausedRun
from pairreg.foreign_messages import last_line
from pairreg.locks import Busy
from pairreg.optimization.observer import Observer
from pairreg.pair.pair import Pair
from pairreg.registration import PARTS, register
from pairreg.runs.attempt import attempt
from pairreg.runs.checkpoint import RunCheckpoints
from pairreg.runs.folder import error_file, is_complete, lock_run
from pairreg.runs.identity import identity, signature_of
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.provenance import provenance
from pairreg.runs.replace import recover
from pairreg.runs.spec import RunSpec
from pairreg.study.progress import ProgressBar, ProgressLog
from pairreg.tracking.base import TrackedRun, Tracker


def work(spec: RunSpec, tracker: Tracker, wait: bool = False) -> RunOutcome:
    """Do the run unless it is complete. A run that fails is an outcome; only an interruption is raised.

    With `wait`, a run that another process is at is awaited (and then usually complete); without, it is `busy`.
    """
    again = bool(spec.config["rerun"])
    try:
        if is_complete(spec.folder) and not again:
            return RunOutcome.of(spec, "kept")
        with lock_run(spec.folder, wait):
            recover(spec.folder)
            if is_complete(spec.folder) and not again:  # another process has completed it before it gave up the lock
                return RunOutcome.of(spec, "kept")
            if "transform" in spec.config:  # before the device is asked for: a process has one number of threads
                configure(spec.config["threads"])
            # The tracker is the outer context: a failure has left its traceback in the folder when it is recorded.
            with tracker.start(spec, provenance()) as tracked, attempt(spec) as place:
                _do(spec, place, tracked)
            return RunOutcome.of(spec, "done")
    except PausedRun as paused:
        return replace(RunOutcome.of(spec, "paused"), metrics=paused.metrics)
    except Busy:
        return RunOutcome.of(spec, "busy")
    except InputError as error:
        return RunOutcome.of(spec, "refused", str(error))
    except (DivergedError, MethodError) as error:
        return _failed(spec, str(error))
    except Exception as error:
        said = machine_errors.sentence(error) or f"{type(error).__name__}: {last_line(error) or 'no message'}"
        return _failed(spec, said)


def _failed(spec: RunSpec, error: str) -> RunOutcome:
    kept = f" (the earlier result stays; see {error_file(spec.folder)})" if is_complete(spec.folder) else ""
    return RunOutcome.failed(spec, f"{error}{kept}")


def _do(spec: RunSpec, place: Path, tracked: TrackedRun) -> None:
    """Register the pair of `spec` by its parts, and write everything into the folder `place`."""
    from pairreg.runs.write import check_grids, write_partial  # imports Matplotlib

    terminal = console()
    # The bars of several processes would overwrite each other.
    one_bar = terminal.is_terminal and multiprocessing.parent_process() is None
    watching: list[Observer] = [ProgressLog(), tracked, _Interruption()] + ([ProgressBar(terminal)] if one_bar else [])
    numerics = {key: spec.config[key] for key in option_files.NUMERICS}
    try:
        pair = load_pair(spec.config)
        check_grids(pair)
        checkpoints = RunCheckpoints(place, spec.config["pause_after_level"])
        built = parts(spec.config)
        _check_unchanged(spec)
        compute = partial(register, pair, **built, **numerics, observers=watching, checkpoints=checkpoints)
        try:
            result = compute()
        except Exception as error:
            if not drop_damaged_code(error):
                raise
            result = compute()
    except DivergedError as error:
        if error.result is not None:
            write_partial(error.result, place, spec.config)
            tracked.finish(error.result.metrics)
        raise
    result.save(place, spec.config, spec.choices, spec.inputs)
    tracked.finish(result.metrics)


def _check_unchanged(spec: RunSpec) -> None:
    """Raise `InputError` unless what was read for `spec` is what its signature was made of, when the command began.

    Runs may begin hours later, in other processes and on other machines.
    """
    if signature_of(identity(spec.config)[0]) != spec.signature:
        raise InputError("An input of this run, or a module of yours, has changed since the command began; repeat it.")


def parts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the objects that a config describes, by group; those of a group of terms by name.

    It has no part that its method does not use.
    """
    build = partial(option_files.instantiate, trusted=config["trusted_modules"])
    found: dict[str, Any] = {group: build(config[group], group) for group in PARTS if group in config}
    for group in option_files.TERM_GROUPS:
        if group not in config:
            continue
        found[group] = {name: build(node, f"{group}.{name}") for name, node in config[group].items()}
    return found


def load_pair(config: Mapping[str, Any]) -> Pair:
    """Return the pair of a config; the last one is kept, as most studies do many runs with one pair.

    Raises `InputError` for files that cannot be used.
    """
    of_pair = {key: config[key] for key in ("pair", "trusted_modules")}
    return _load(json.dumps(of_pair, sort_keys=True), signature_of(identity(of_pair)[0]))


@lru_cache(maxsize=1)
def _load(of_pair: str, content: str) -> Pair:
    """Return a pair; `content` is what tells its files from others under the same names."""
    config = json.loads(of_pair)
    return option_files.instantiate(config["pair"], "pair", config["trusted_modules"])


@final
class _Interruption(Observer):
    """Ends a run with its next chunk of iterations if the exception of a signal was dropped by a library."""

    def rows(self, start: int, rows: np.ndarray) -> None:
        interruption.check()

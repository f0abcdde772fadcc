"""The run folder of a task while it is worked on, and what can be told from it."""

import json
import logging
import statistics
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from pairreg import interruption
from pairreg.runs.names import COMPLETE
from pairreg.locks import is_locked
from pairreg.runs.spec import RunSpec

Status = Literal["complete", "running", "failed", "unfinished", "missing"]
log = logging.getLogger("pairreg")


def is_complete(task: RunSpec) -> bool:
    return (task.folder / COMPLETE).exists()


def status(task: RunSpec) -> Status:
    if is_locked(task.folder):
        return "running"
    if is_complete(task):
        return "complete"
    if (task.folder / "error.txt").exists():
        return "failed"
    return "unfinished" if task.folder.exists() else "missing"


def summary(task: RunSpec) -> Mapping[str, Any]:
    """`result.json` of a complete run."""
    return json.loads((task.folder / COMPLETE).read_text())


def estimate(task: RunSpec, complete: Sequence[RunSpec]) -> float | None:
    """Seconds of a run: the median of the complete ones that are most alike; None if there are none."""
    likeness = [sum(task.choices[k] == other.choices.get(k) for k in task.choices) for other in complete]
    alike = [other for other, n in zip(complete, likeness, strict=True) if n == max(likeness)]
    return statistics.median(summary(other)["metrics"]["seconds"] for other in alike) if alike else None


@contextmanager
def recorded(task: RunSpec) -> Iterator[None]:
    """A run folder without leftovers of an earlier attempt, and a log file in it; a failure leaves its traceback."""
    from omegaconf import OmegaConf

    task.folder.mkdir(parents=True, exist_ok=True)
    for name in (COMPLETE, "error.txt", "run.log"):
        (task.folder / name).unlink(missing_ok=True)
    (task.folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(dict(task.config))))
    (task.folder / "task.json").write_text(json.dumps({"choices": task.choices, "command": task.command}, indent=2))
    log.setLevel(logging.INFO)  # a new process starts with warnings only
    handler = logging.FileHandler(task.folder / "run.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.info(f"{task.name}  ->  {task.folder}")
    try:
        with interruption.unmasked():
            yield
    except Exception as error:
        (task.folder / "error.txt").write_text("".join(traceback.format_exception(error)))
        log.error(str(error))
        raise
    finally:
        log.removeHandler(handler)
        handler.close()

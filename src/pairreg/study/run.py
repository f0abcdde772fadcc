"""One run: a composed config in, a run folder and a tracked run out."""

import functools
import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from pairreg import menu
from pairreg.errors import DivergedError, InputError
from pairreg.study.signature import flat, signature
from pairreg.tracking.base import RunInfo, TrackedRun, Tracker
from pairreg.transform.base import Precision

TERMS = menu.TERM_GROUPS
PARTS = ("preprocessing", "initialization", "transform", "optimizer", "schedule")
OTHERS = ("pair", "tracking")

log = logging.getLogger("pairreg")


def settings(precision: Precision, trusted_modules: list[str], seed: int, study: str, output_dir: str) -> None:
    """Names and types of the settings beside the groups."""
    del precision, trusted_modules, seed, output_dir
    if not study or "/" in study:
        raise InputError(f"study should be a name without '/'; it is {study!r}.")


@dataclass(frozen=True)
class Job:
    """A checked config: every part is built, no image read and no tensor made."""

    config: Mapping[str, Any]
    choices: Mapping[str, str]
    parts: Mapping[str, Any]
    tracker: Tracker

    @property
    def folder(self) -> Path:
        return Path(self.config["output_dir"]) / self.config["study"] / signature(self.config)


def check(config: Mapping[str, Any], choices: Mapping[str, str], tracker: Tracker | None = None) -> Job:
    """Build the parts of a run, raising `InputError` for a key, a type or a value that cannot be."""
    known = (*TERMS, *PARTS, *OTHERS)
    rest = {key: value for key, value in config.items() if key not in known and key != "preset"}
    menu.check_arguments(settings, rest, "config")
    settings(**rest)
    build = functools.partial(menu.instantiate, trusted=config["trusted_modules"])
    parts: dict[str, Any] = {group: build(config[group], group) for group in PARTS}
    for group in TERMS:
        parts[group] = {name: build(node, f"{group}.{name}") for name, node in config[group].items()}
    menu.check_node(config["pair"], "pair", config["trusted_modules"])
    return Job(config, choices, parts, tracker or build(config["tracking"], "tracking"))


def run(job: Job, console: Console, part_of_study: bool) -> Mapping[str, float]:
    """Register, write the run folder, track; returns the metrics."""
    pair = menu.instantiate(job.config["pair"], "pair", job.config["trusted_modules"])

    from pairreg.optimization.progress import ProgressBar, ProgressLog
    from pairreg.optimization.register import register
    from pairreg.result.provenance import provenance

    info = RunInfo(
        study=job.config["study"],
        signature=signature(job.config),
        folder=job.folder,
        output_dir=Path(job.config["output_dir"]),
        choices=job.choices,
        params=flat(job.config),
        tags=provenance(),
        part_of_study=part_of_study,
    )
    with job.tracker.start(info) as tracked:
        handler = start_folder(job)
        log.info(f"{info.name}  ->  {job.folder}")
        try:
            watching = [ProgressLog(), tracked] + ([ProgressBar(console)] if console.is_terminal else [])
            numerics = {key: job.config[key] for key in ("precision", "seed")}
            result = register(pair, **job.parts, **numerics, observers=watching)
            result.save(job.folder, job.config, job.choices)
            tracked.finish(result.metrics)
            return result.metrics
        except BaseException as error:
            record_failure(job, error, tracked)
            raise
        finally:
            log.removeHandler(handler)
            handler.close()


def start_folder(job: Job) -> logging.Handler:
    """A run folder without leftovers of an earlier run, and the log file in it."""
    from pairreg.result.folder import COMPLETE

    job.folder.mkdir(parents=True, exist_ok=True)
    for name in (COMPLETE, "error.txt", "run.log"):
        (job.folder / name).unlink(missing_ok=True)
    write_config(job)
    handler = logging.FileHandler(job.folder / "run.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    return handler


def write_config(job: Job) -> None:
    from omegaconf import OmegaConf

    (job.folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(dict(job.config))))


def record_failure(job: Job, error: BaseException, tracked: TrackedRun) -> None:
    """Keep the traceback, and of a diverged run what was computed."""
    (job.folder / "error.txt").write_text("".join(traceback.format_exception(error)))
    log.error(str(error))
    if isinstance(error, DivergedError) and error.result is not None:
        from pairreg.result.folder import save_partial

        save_partial(error.result, job.folder, job.config)
        tracked.finish(error.result.metrics)

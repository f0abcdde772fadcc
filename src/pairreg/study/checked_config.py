"""A task whose config was checked: every part is built, no image read and no tensor made."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pairreg import option_files
from pairreg.compute.base import Compute
from pairreg.errors import InputError
from pairreg.report.figures import FIGURES
from pairreg.runs.spec import STUDY_FILES, RunSpec
from pairreg.tracking.base import Tracker
from pairreg.transform.base import Precision

TERMS = option_files.TERM_GROUPS
PARTS = ("preprocessing", "initialization", "transform", "optimizer", "schedule")
OTHERS = ("pair", "tracking", "compute")


def settings(
    precision: Precision,
    trusted_modules: list[str],
    seed: int,
    study: str,
    output_dir: str,
    rerun: bool,
    dry_run: bool,
    draw: str | None,
) -> None:
    """Names and types of the settings beside the groups."""
    del precision, trusted_modules, seed, output_dir, rerun, dry_run
    if draw is not None:
        option_files.one_of("draw", draw, FIGURES)
    if not study or "/" in study or study.startswith("."):
        raise InputError(f"study should be a name without '/' that does not begin with '.'; it is {study!r}.")


@dataclass(frozen=True)
class Job:
    task: RunSpec
    parts: Mapping[str, Any]
    tracker: Tracker
    compute: Compute


def check(task: RunSpec) -> Job:
    """Build the parts of a run, raising `InputError` for a key, a type or a value that cannot be."""
    config = task.config
    known = (*TERMS, *PARTS, *OTHERS, "preset", *STUDY_FILES)
    rest = {key: value for key, value in config.items() if key not in known}
    option_files.check_arguments(settings, rest, "config")
    settings(**rest)
    build = functools.partial(option_files.instantiate, trusted=config["trusted_modules"])
    parts: dict[str, Any] = {group: build(config[group], group) for group in PARTS}
    for group in TERMS:
        parts[group] = {name: build(node, f"{group}.{name}") for name, node in config[group].items()}
    option_files.check_node(config["pair"], "pair", config["trusted_modules"])
    return Job(task, parts, build(config["tracking"], "tracking"), build(config["compute"], "compute"))

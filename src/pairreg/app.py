"""The command line: Hydra composes the config, `study.run` does the work."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from pairreg.errors import DivergedError, InputError
from pairreg.study.complaint import sentence
from pairreg.study.run import TERMS, check, run
from pairreg.study.search_path import register_search_path
from pairreg.study.table import Row, run_table, study_table
from pairreg.tracking.base import Tracker

console = Console(width=None if sys.stdout.isatty() else 160)  # a pipe or a log file has no width of its own
log = logging.getLogger("pairreg")


class Session:
    """What the jobs of one command share."""

    rows: list[Row] = []
    errors: list[Exception] = []
    tracker: Tracker | None = None


def main() -> None:
    """Exit code 0: every run is complete; 2: the input cannot be used; 1: a run failed."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # errors reach the handlers below instead of Hydra's printer
    log.setLevel(logging.INFO)
    screen = logging.StreamHandler(sys.stdout)
    screen.setLevel(logging.WARNING if console.is_terminal else logging.INFO)  # a terminal has the progress bar
    log.addHandler(screen)
    register_search_path()
    try:
        hydra_main()
    except (HydraException, OmegaConfBaseException) as error:
        finish(2, sentence(error))
    finally:
        if Session.tracker:
            Session.tracker.close()
    summarise()


@hydra.main(version_base="1.3", config_path="pkg://pairreg.conf", config_name="config")
def hydra_main(config: DictConfig) -> None:
    plain: Any = OmegaConf.to_container(config, resolve=True)
    chosen = choices(plain)
    many = HydraConfig.get().mode == RunMode.MULTIRUN
    try:
        job = check(plain, chosen, Session.tracker)
        Session.tracker = job.tracker
        Session.rows.append(Row(chosen, job.folder, run(job, console, part_of_study=many)))
    except (InputError, DivergedError) as error:
        fail(chosen, error)
    except Exception as error:
        # Hydra would keep the traceback of one job of many to itself
        log.exception("run failed")
        fail(chosen, error)


def fail(chosen: Mapping[str, str], error: Exception) -> None:
    Session.errors.append(error)
    Session.rows.append(Row(chosen, None, {}, error=str(error)))


def choices(config: Mapping[str, Any]) -> dict[str, str]:
    """The chosen option of every group, `a+b` for several."""
    named = {key: str(value) for key, value in HydraConfig.get().runtime.choices.items() if "hydra/" not in str(key)}
    return named | {group: "+".join(config[group]) for group in TERMS}


def summarise() -> None:
    """The table of the run or runs, where to look next, and the exit code."""
    if not Session.rows:  # --help, --cfg and the like
        return
    code = exit_code()
    if len(Session.rows) > 1:
        console.print(study_table(Session.rows))
    elif code == 0:
        console.print(run_table(Session.rows[0].metrics))
        console.print(f"results: {Session.rows[0].folder}", soft_wrap=True)
    hint = Session.tracker.hint() if Session.tracker and code != 2 else None
    if hint:
        console.print(hint, soft_wrap=True)
    if code:
        finish(code, "; ".join(dict.fromkeys(str(error) for error in Session.errors)))


def exit_code() -> int:
    if not Session.errors:
        return 0
    unusable = all(isinstance(error, InputError) for error in Session.errors)
    return 2 if unusable and len(Session.errors) == len(Session.rows) else 1


def finish(code: int, message: str) -> None:
    print(f"pairreg: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()

"""One attempt at a run: its place, its log, and what it leaves if it fails."""

import logging
import os
import shlex
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pairreg import interruption
from pairreg.runs.folder import CHECKPOINT, CONFIG, ERROR, LOG, SPEC
from pairreg.runs.replace import discard, take_place, workplace
from pairreg.runs.spec import RunSpec

log = logging.getLogger("pairreg")


@contextmanager
def attempt(spec: RunSpec) -> Iterator[Path]:
    """Yield the folder in which the block computes the run and writes its files; at the end it becomes the run folder.

    An exception leaves its traceback in `error.txt` there. A result that the run folder holds stays until the block has
    made another one. With `rerun`, nothing of an earlier attempt is used.
    """
    place = workplace(spec.folder)
    if spec.config["rerun"]:
        discard(spec.folder)
        (place / CHECKPOINT).unlink(missing_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    for name in (ERROR, LOG):
        (place / name).unlink(missing_ok=True)
    (place / CONFIG).write_text(spec.config_yaml, encoding="utf-8")
    (place / SPEC).write_text(spec.json, encoding="utf-8")
    log.setLevel(logging.INFO)  # the logger of a new process lets only warnings through
    handler = logging.FileHandler(place / LOG, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.info(f"{spec.name}  ->  {spec.folder}")
    try:
        # An error that a signal caused is an interruption: it must leave no error.txt.
        with interruption.unmasked():
            yield place
    except Exception as error:
        again = f"To repeat it, in {shlex.quote(os.getcwd())}: {spec.command}\n\n"
        (place / ERROR).write_text(again + "".join(traceback.format_exception(error)), encoding="utf-8")
        log.error(str(error))
        raise
    finally:
        log.removeHandler(handler)
        handler.close()
    take_place(place, spec.folder)

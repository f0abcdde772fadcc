"""One attempt at a run: its place, its log, and what it leaves if it fails."""

import logging
import os
import shlex
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pairreg import interruption
from pairreg.files import drop_parts, replacing
from pairreg.runs.folder import CHECKPOINT, CONFIG, ERROR, LOG, SPEC, error_file
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
    drop_parts(place)  # the lock of the run is held: they are of a process that was killed
    for name in (ERROR, LOG):
        (place / name).unlink(missing_ok=True)
    for name, text in ((CONFIG, spec.config_yaml), (SPEC, spec.json)):
        with replacing(place / name) as part:  # one that a kill has emptied would be no config
            part.write_text(text, encoding="utf-8")
    log.setLevel(logging.INFO)  # the logger of a new process lets only warnings through
    handler = logging.FileHandler(place / LOG, encoding="utf-8")
    # A log that does not fit on the disk any more is no reason to print a traceback: the results will not fit either.
    handler.handleError = lambda record: None  # type: ignore[method-assign]
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.info(f"{spec.name}  ->  {spec.folder}")
    try:
        # An error that a signal caused is an interruption: it must leave no error.txt.
        with interruption.unmasked():
            yield place
    except Exception as error:
        log.error(str(error))
        _leave_error(place, spec, "".join(traceback.format_exception(error)))
        raise
    finally:
        log.removeHandler(handler)
        handler.close()
    take_place(place, spec.folder)


def record_death(spec: RunSpec, sentence: str) -> None:
    """Leave `error.txt` for a run whose process was killed before it could do so itself."""
    place = workplace(spec.folder)
    if place.exists() and not error_file(spec.folder).exists():
        _leave_error(place, spec, f"{sentence}\n")


def _leave_error(place: Path, spec: RunSpec, text: str) -> None:
    """Write `error.txt`; if even that does not fit, what is written to the terminal has to do."""
    again = f"To repeat it, in {shlex.quote(os.getcwd())}: {spec.command}\n\n"
    try:
        (place / ERROR).write_text(again + text, encoding="utf-8")
    except OSError as error:
        log.error(f"{place / ERROR} cannot be written ({error.strerror})")

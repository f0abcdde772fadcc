"""The place in which a run is computed, and how it takes the place of an earlier result.

A run whose folder holds a result is computed in a folder beside it, `.<signature>.new`. The earlier result stays what
it is until the new one is complete; then both folders are exchanged by one rename. Where the file system cannot do
that, two renames do it, and `recover` finishes the second one for a process that was killed between them.
"""

import shutil
from contextlib import suppress
from pathlib import Path

from pairreg.files import link, replace_folder, set_aside
from pairreg.locks import Busy
from pairreg.runs.folder import CHECKPOINT, ERROR, METRICS, beside, is_complete, is_of_result, lock_run, place_of


def workplace(folder: Path) -> Path:
    """Return where the next attempt at the run of `folder` works: there, or beside it if it holds a result.

    What is left of a result counts too, such as images without `result.json`, unless they are of a run that failed, or
    that was killed while it wrote them and has its checkpoint still.
    """
    half = any((folder / name).exists() for name in (CHECKPOINT, ERROR))
    holds = is_complete(folder) or ((folder / METRICS).exists() and not half)
    return beside(folder) if holds else folder


def discard(folder: Path) -> None:
    """Delete what an earlier attempt at the run of `folder` left beside it."""
    shutil.rmtree(beside(folder), ignore_errors=True)


def tidy(folder: Path) -> None:
    """Delete what a repetition of the complete run in `folder` left beside it, unless it is still going on."""
    if beside(folder).exists():
        with suppress(Busy), lock_run(folder):
            discard(folder)


def take_place(place: Path, folder: Path) -> None:
    """Put the complete run in `place` where `folder` is.

    What a user has put into `folder` stays in it; nothing of the earlier result does, though the new one may be of
    another kind and lack, say, the warped labels.
    """
    if place == folder:
        return
    for entry in folder.iterdir():
        if not (place / entry.name).exists() and not is_of_result(entry.name):
            link(entry, place / entry.name)
    replace_folder(place, folder)


def recover(folder: Path) -> None:
    """Finish what `take_place` began in a process that was killed; does nothing otherwise."""
    old = set_aside(folder)
    if not folder.exists() and old.exists():
        (beside(folder) if is_complete(beside(folder)) else old).rename(folder)
    if is_complete(folder):  # until then the old result is the only one
        shutil.rmtree(old, ignore_errors=True)


def settle(folder: Path) -> None:
    """`recover` for those who read the run of `folder`.

    Where another process is at it, or nothing may be written, `place_of` says where its files are read from.
    """
    if place_of(folder) != folder:
        with suppress(Busy, OSError), lock_run(folder):
            recover(folder)

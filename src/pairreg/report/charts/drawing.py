"""Figures that are drawn only if what they show has changed, several at once."""

import hashlib
import io
import json
import multiprocessing
import pickle
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from pairreg.compute.base import Worker
from pairreg.devices import cores
from pairreg.runs.content import code_digest
from pairreg.runs.read import Run

_KEYS = "drawn.json"  # beside the figures: what each of them shows
_EACH = 5  # figures that are worth a process, which takes as long to start as one of them takes to draw
_MOST = 4  # processes, of up to 200 MB each


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    **Attributes:** `path` of the PNG (the PDF lies beside it); `heading` and `caption` on the page.
    """

    path: Path
    heading: str
    caption: str


@dataclass(frozen=True)
class Drawing:
    """A figure to be drawn.

    **Attributes:** `name` of its files; `heading`, `caption`: see `Figure`; `function`: called with a folder, the name
    and the `arguments`, it writes a PNG, whose path it returns, and a PDF. It can be pickled.
    """

    name: str
    heading: str
    caption: str
    function: Callable[..., Path]
    arguments: tuple[Any, ...]

    @property
    def key(self) -> str:
        """The digest of what is drawn, and of the code that draws it; a run counts by what it has left."""
        stream = io.BytesIO()
        _OfContent(stream).dump((self.function, self.arguments))
        code = code_digest("matplotlib", "numpy", "scipy", "scikit-image")
        return hashlib.blake2b(code.encode() + stream.getvalue(), digest_size=16).hexdigest()


class _OfContent(pickle.Pickler):
    """Writes what a run has left, in place of where it lies, and of other data classes the fields alone."""

    def persistent_id(self, obj: Any) -> str | None:
        """Return the digest of a run; None for other objects, which are written as they are."""
        return obj.content if isinstance(obj, Run) else None

    def reducer_override(self, obj: Any) -> Any:
        """Return a data class without what it has cached."""
        if not is_dataclass(obj) or isinstance(obj, type):
            return NotImplemented
        return type(obj), tuple(getattr(obj, field.name) for field in fields(obj))


def draw_all(drawings: Sequence[Drawing], folder: Path, earlier: Path) -> list[Figure]:
    """Draw into `folder`; what the folder `earlier` has already, drawn of the same by the same code, is copied."""
    keys = {one.name: one.key for one in drawings}
    old = json.loads((earlier / _KEYS).read_text(encoding="utf-8")) if (earlier / _KEYS).is_file() else {}
    new = []
    for one in drawings:
        files = [earlier / f"{one.name}.{kind}" for kind in ("png", "pdf")]
        if old.get(one.name) == keys[one.name] and all(file.is_file() for file in files):
            for file in files:
                shutil.copy2(file, folder)
        else:
            new.append(one)
    processes = min(cores(), _MOST, len(new) // _EACH)
    if processes < 2:
        for one in new:
            _draw(one, folder)
    else:
        _draw_at_once(new, folder, processes)
    (folder / _KEYS).write_text(json.dumps(keys, indent=1), encoding="utf-8")
    return [Figure(folder / f"{one.name}.png", one.heading, one.caption) for one in drawings]


def _draw_at_once(drawings: Sequence[Drawing], folder: Path, processes: int) -> None:
    """Draw in several processes, which are spawned: this one may have threads of TensorFlow."""
    prepare = Worker(cores() / processes).prepare
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), prepare) as pool:
        try:
            for done in [pool.submit(_draw, one, folder) for one in drawings]:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _draw(one: Drawing, folder: Path) -> None:
    one.function(folder, one.name, *one.arguments)

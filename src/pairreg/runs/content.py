"""Digests of input files, remembered by path, size and time of change."""

import functools
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pairreg
from pairreg.errors import InputError
from pairreg.files import drop_oldest, existing, replacing, state_of
from pairreg.private_folder import cache_home, private
from pairreg.reading.detached import content_files

CHUNK = 16 << 20  # bytes that are hashed as one piece, several pieces at a time
WORTH_KEEPING = 1 << 20  # bytes: less is hashed as quickly as the memory of it is read
_MOST = 20_000  # digests that are remembered
SETTLED = 2.0  # seconds: a file that changed just now could change again within the resolution of its time stamp
log = logging.getLogger("pairreg")


def digest(path: str | Path) -> str:
    """Return 32 hex digits of the content of a file, with the data files that its header names, or of a DICOM folder.

    Names do not count: the same file behind another path has the same digest. Raises `InputError` if it is missing or
    cannot be read.
    """
    path = existing(path)
    files = content_files(path)
    # The order of a series comes from the positions in its files, not from their names.
    in_order = sorted if path.is_dir() else list
    return _cached(path, files, lambda: combined(in_order(map(_digest_of_file, files))))


def digest_of_part(path: str | Path, part: str, chunks: Callable[[], Iterable[bytes]]) -> str:
    """Return 32 hex digits of a part of a file, such as a case.

    **Arguments:** `part` names it, and `chunks` yields its bytes, which is called only if the digest is not known.
    """
    path = existing(path)

    def compute() -> str:
        hashed = hashlib.blake2b(digest_size=16)
        for chunk in chunks():
            hashed.update(chunk)
        return hashed.hexdigest()

    return _cached(path, [path], compute, part)


@functools.cache
def code_digest(*packages: str) -> str:
    """Return a digest of the source of this package and of the versions of the `packages` that it works with."""
    sources = sorted(Path(pairreg.__file__).parent.rglob("*.py"))
    return combined([*(digest(path) for path in sources), *map(version, packages)])


def combined(digests: Sequence[str]) -> str:
    """Return one digest of several, in their order; that of one is itself."""
    return digests[0] if len(digests) == 1 else hashlib.blake2b("".join(digests).encode(), digest_size=16).hexdigest()


def _digest_of_file(path: Path) -> str:
    try:
        starts = range(0, max(path.stat().st_size, 1), CHUNK)
        if len(starts) == 1:  # starting threads takes longer than most files
            return _digest_of_chunk(path, 0)
        with ThreadPoolExecutor() as pool:  # hashing releases the interpreter lock: all cores take part
            return combined(list(pool.map(lambda start: _digest_of_chunk(path, start), starts)))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a file that you may read.") from error


def _digest_of_chunk(path: Path, start: int) -> str:
    with path.open("rb") as file:
        file.seek(start)
        return hashlib.blake2b(file.read(CHUNK), digest_size=16).hexdigest()


def _cached(path: Path, files: Sequence[Path], compute: Callable[[], str], part: str = "") -> str:
    """Return what `compute` gave for `path` while none of `files` has changed since, or call it.

    Size, both times, device and inode have to be the same: a file that was replaced has another inode or change time,
    even if its modification time was copied with it.
    """
    state = state_of(files)
    if sum(size for size, *_ in state) < WORTH_KEEPING:
        return compute()
    key = hashlib.blake2b(f"{path.resolve()}\0{part}".encode(), digest_size=16).hexdigest()
    memory = cache_home() / "digests" / key
    try:
        known = json.loads(memory.read_text())
        if known["state"] == state:
            return str(known["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing is remembered, or what is remembered was written by another version: it is computed again
    found = compute()
    if time.time() - max(changed for _, _, changed, *_ in state) / 1e9 > SETTLED:
        _keep(memory, {"state": state, "digest": found})
    return found


def _keep(memory: Path, content: object) -> None:
    """Write `content` to `memory` for the next time; without a writable home everything works, only slower."""
    try:
        private(memory.parent)
        drop_oldest(memory.parent, _MOST)
        with replacing(memory) as part:
            part.write_text(json.dumps(content))
    except OSError as error:
        log.debug(f"{memory} cannot be written ({error.strerror})")

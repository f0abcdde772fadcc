"""Code that XLA has compiled for the CPU, kept on disk: later processes start in a third of the time."""

import hashlib
import logging
import os
import platform
import shutil
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from pairreg.files import drop_oldest
from pairreg.private_folder import cache_home, private

FLAGS = "TF_XLA_FLAGS"  # the environment variable that TensorFlow reads
MOST = 1000  # files, of about 1 MB each
_ROOM = 200 << 20  # bytes that have to be free: TensorFlow fails if it cannot write a file
_WRITING = 3600  # seconds after which the process that wrote the last byte of an unfinished file is taken for dead
_FIELDS = {1, 2, 3}  # of a file: a message of Protocol Buffers with a key, the program and the compiled code
log = logging.getLogger("pairreg")
_used: Path | None = None


def use_compile_cache() -> None:
    """Let TensorFlow, which is not imported yet, keep compiled code on disk and read it from there.

    The same bits come out with and without it. It is left out with a warning if its folder is not ours alone, cannot be
    written, or is on a disk that is nearly full. Files that a killed process has left unfinished are deleted; other
    processes may use the folder meanwhile. Nothing is done if the user has set `TF_XLA_FLAGS`.
    """
    global _used
    if FLAGS in os.environ:
        return
    folder = compile_cache_folder()
    try:
        check_compile_cache()
        for file in folder.iterdir():
            if _is_left_over(file):
                file.unlink(missing_ok=True)
        drop_oldest(folder, MOST)
    except OSError as error:
        log.warning(f"compiled code is not kept for later commands: {folder} cannot be used ({error.strerror})")
        return
    flags = f"--tf_xla_persistent_cache_directory={folder} --tf_xla_persistent_cache_device_types=CPU,XLA_CPU_JIT"
    os.environ[FLAGS] = flags
    _used = folder


def clear_compile_cache() -> bool:
    """Delete what is kept, in case that a damaged file makes TensorFlow fail; return whether there was anything."""
    files = list(_used.glob("*.pb")) if _used is not None else []
    for file in files:
        file.unlink(missing_ok=True)
    return bool(files)


def check_compile_cache() -> None:
    """Make the folder of compiled code if it is missing.

    Raises `OSError` if it cannot be used: it is not ours alone, cannot be written, or is on a disk that is nearly full.
    """
    folder = compile_cache_folder()
    private(folder.parent)
    private(folder)
    _check_room(folder)


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        raise OSError(None, f"{free >> 20} MB are free on its disk, {_ROOM >> 20} MB are needed")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(None, "it cannot be written")


def _is_left_over(file: Path) -> bool:
    """Return whether a file is of no use, and not one that another process writes or has dropped by now."""
    try:
        if file.suffix == ".tmp":  # the file becomes one of compiled code by a rename, once it is whole
            return time.time() - file.stat().st_mtime > _WRITING
        return not _is_whole(file)
    except FileNotFoundError:
        return False


def _is_whole(file: Path) -> bool:
    """Return whether a file ends where its last field does, and has the fields that matter."""
    size = file.stat().st_size
    found = set()
    with file.open("rb") as stream:
        try:
            for tag in _numbers(stream):
                if tag & 7 != 2:  # all fields are text, bytes or messages, which begin with their length
                    return False
                found.add(tag >> 3)
                stream.seek(next(_numbers(stream)), os.SEEK_CUR)
        except (StopIteration, ValueError):
            return False
        return stream.tell() == size and found >= _FIELDS


def _numbers(stream: BinaryIO) -> Iterator[int]:
    """Yield numbers in the variable-length coding of Protocol Buffers until the file ends."""
    while first := stream.read(1):
        value, shift, byte = first[0] & 0x7F, 7, first[0]
        while byte & 0x80:
            more = stream.read(1)
            if not more or shift > 63:
                raise ValueError("cut off")
            byte = more[0]
            value |= (byte & 0x7F) << shift
            shift += 7
        yield value


def compile_cache_folder() -> Path:
    """Return the folder of compiled code for this TensorFlow and this kind of CPU, which may not exist yet.

    Code for one may be illegal on another, and homes are shared.
    """
    kind = hashlib.sha256(f"{platform.machine()} {_cpu()}".encode()).hexdigest()[:12]
    return cache_home() / f"tensorflow-{version('tensorflow')}-{kind}"


def _cpu() -> str:
    """Return the abilities of the CPU, as far as the system tells."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else [platform.processor()]
    return next((line for line in lines if line.startswith(("flags", "Features"))), lines[0])

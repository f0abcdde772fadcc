"""The bytes of a file, inflated if they are gzip, whatever its name says."""

import zlib
from pathlib import Path

from pairreg.errors import InputError

GZIP = b"\x1f\x8b"
AGAIN = "copy or download it again"


def raw_bytes(path: Path, most: int = -1) -> bytes:
    """The first `most` bytes of `path` as they are; raises `InputError` if it may not be read."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a file that you may read.") from error


def content(path: Path) -> bytes:
    """All bytes of `path`, inflated; of a gzip stream that ends too early, what there is."""
    raw = raw_bytes(path)
    return inflated(raw, path) if raw.startswith(GZIP) else raw


def inflated(raw: bytes, path: Path, most: int = 0) -> bytes:
    """The content of the gzip or zlib streams in `raw`, at most `most` bytes of it unless that is 0.

    What follows a stream and is none does not count. Raises `InputError` for damage.
    """
    parts = []
    while True:
        stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        try:
            parts.append(stream.decompress(raw, most))
        except zlib.error as error:
            raise InputError(f"{path} is damaged ({error}); {AGAIN}.") from error
        raw = stream.unused_data
        if most or not raw.startswith(GZIP):
            return b"".join(parts)


def check_length(path: Path, there: int, needed: int) -> None:
    """Raise `InputError` if a file that needs `needed` bytes has `there`, fewer."""
    if there < needed:
        raise InputError(f"{path} is cut off ({there} of {needed} bytes); {AGAIN}.")

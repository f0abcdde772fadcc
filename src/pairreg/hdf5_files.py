"""HDF5 files on disks that may fill up: the HDF5 library ends the process if it cannot write what it has in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import h5py

from pairreg.files import naming


@contextmanager
def writing_hdf5(path: Path) -> Iterator[h5py.File]:
    """Yield a new HDF5 file to write to; raises `OSError` with the file at the end if the disk did not take it all."""
    with naming(path), path.open("w+b", buffering=0) as raw:
        disk = _Disk(raw)
        try:
            with h5py.File(disk, "w") as file:
                yield file
        finally:
            if disk.error is not None:
                raise disk.error


class _Disk:
    """A file for `h5py`, whose first error is kept instead of being raised within the HDF5 library."""

    def __init__(self, raw: BinaryIO):
        self.raw = raw
        self.error: OSError | None = None
        self.read, self.seek, self.tell, self.truncate = raw.read, raw.seek, raw.tell, raw.truncate

    def write(self, content: bytes | memoryview) -> int:
        """Write all of `content`, unless writing has failed before."""
        left = memoryview(content).cast("B")
        try:
            while left and self.error is None:
                left = left[self.raw.write(left) :]
        except OSError as error:
            self.error = error
        return memoryview(content).nbytes

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from the file; with zeros beyond what could be written."""
        count: int = self.raw.readinto(buffer)  # type: ignore[attr-defined]
        if self.error is not None:
            buffer[count:] = bytes(len(buffer) - count)
            return len(buffer)
        return count

    def flush(self) -> None:
        """Do nothing: the file has no buffer."""

"""The memory of this process, and its peak during a run."""

import os
import resource
import sys
from pathlib import Path

from pairreg.errors import InputError

ADDRESSES = (
    3.6  # GB of virtual memory; the smallest run maps 3.5, of which TensorFlow with one compiled function is 3.0
)

_first: float | None = None  # MB held when the first run began
_left = 0.0  # MB more when this one did: TensorFlow keeps what it has compiled for earlier runs


def reset_peak() -> None:
    """Begin to measure the peak anew, where the kernel can do that (Linux)."""
    global _first, _left
    now = resident_mb()
    _first = now if _first is None else _first
    _left = max(0.0, now - _first)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # elsewhere the peak is the one of the whole process
        return


def peak_memory_mb() -> float:
    """Return the highest resident memory in MB since `reset_peak`.

    What earlier runs of the process left behind is subtracted.
    """
    return highest_mb("self") - _left if Path("/proc/self/status").exists() else _highest_mb()


def highest_mb(process: int | str) -> float:
    """Return the highest resident memory of a process until now, in MB; 0 if it is gone or the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    # A process that has ended, but was not waited for, has no memory any more.
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def resident_mb() -> float:
    """Return the resident memory in MB now; where the system does not tell, the highest until now."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return _highest_mb()
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2


def free_mb() -> float:
    """Return the memory of this machine that processes can still have, in MB; 0 where the system does not tell."""
    file = Path("/proc/meminfo")
    if not file.exists():
        return 0.0
    facts = dict(line.split(":") for line in file.read_text().splitlines())
    return int(facts["MemAvailable"].split()[0]) / 1024


def machine_gb() -> float:
    """Return the memory of this machine in GB."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9


def lack_of_memory(what: str, gigabytes: float) -> str | None:
    """Return a sentence if `what` needs more memory than this machine has; `gigabytes`: what it needs at least."""
    has = machine_gb()
    if gigabytes <= has:
        return None
    return (
        f"{what} would need at least {gigabytes:,.0f} GB of memory, of which this machine has {has:.0f}; choose less."
    )


def check_address_space() -> None:
    """Raise `InputError` if the system limits this process to less virtual memory than any run takes.

    TensorFlow ends such a process by a crash, or within a library by an error that says nothing.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < ADDRESSES * 1e9:
        raise InputError(
            f"The virtual memory of a process is limited to {limit / 1e9:.1f} GB (ulimit -v); "
            f"a run takes {ADDRESSES:g} GB at least. Raise the limit."
        )


def _highest_mb() -> float:
    """Return the highest resident memory of the process until now, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)

"""Peak memory of a run."""

import resource
import sys
from pathlib import Path


def reset_peak() -> None:
    """Start the peak anew, where the kernel can do that (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # elsewhere the peak is the one of the whole process
        return


def peak_memory_mb() -> float:
    """Highest resident memory of this process in MB since `reset_peak`."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)

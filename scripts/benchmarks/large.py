"""Point 5: time and memory of whole volumes, each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pairreg
from benchmarks.common import Measured, pair, parts

SOURCE = "ct_thorax_4d_inhale_exhale"
GIB = 1024.0  # MB
# size, transform, minutes, GiB
CASES = (
    ((160, 160, 256), "unet", 10.0, 8.0),
    ((160, 160, 256), "displacement", 2.0, 4.0),
    ((256, 256, 256), "displacement", None, 12.0),
)


def measure(repeats: int) -> list[Measured]:
    """One run each: they take minutes."""
    del repeats
    rows = []
    for size, transform, minutes, memory in CASES:
        case = f"transform={transform} {'x'.join(map(str, size))}"
        script = f"from benchmarks.large import run; run({size}, {transform!r})"
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        found = json.loads(done.stdout.splitlines()[-1])
        rows += [
            Measured(5, case, "time", found["seconds"] / 60, "min", f"<= {minutes}" if minutes else ""),
            Measured(5, case, "peak memory", found["peak_memory_mb"] / GIB, "GiB", f"<= {memory}"),
            Measured(5, case, "Dice before", found["before/dice_mean"]),
            Measured(5, case, "Dice", found["dice_mean"]),
        ]
    return rows


def run(size: tuple[int, int, int], transform: str) -> None:
    """Default settings on the 4-D CT resampled to `size` (x, y, z); prints the metrics."""
    loaded = pair(SOURCE)
    extent = [n * h for n, h in zip(loaded.fixed.GetSize(), loaded.fixed.GetSpacing(), strict=True)]
    spacing = ",".join(str(e / n) for e, n in zip(extent, size, strict=True))
    result = pairreg.register(loaded, **parts(f"transform={transform}", f"preprocessing.spacing=[{spacing}]"))
    assert result.field.shape[:-1] == size[::-1], result.field.shape
    print(json.dumps(dict(result.metrics)))

"""Compares what the CPU and a GPU make of the whole menu at small size; see `check_gpu`.

Every similarity and regulariser: value and gradient by the field, compiled as in a run. Every transform and optimizer:
a short registration of a phantom, also with labels and landmarks as terms, and of a network in bfloat16. Each is done
twice in the process of its device.

- `difference`: the largest one between both devices, relative to the largest value on the CPU; of a field in voxels.
- `repeats`: whether the second result on the second device has the same bits as the first.
- `ms`: of one value with gradient, or of one iteration, after compiling; `MB`: TensorFlow's peak on the GPU.

Exit code 0: all differences are at most what is allowed, nothing failed, and everything repeats.
"""

import argparse
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import pairreg
from benchmark_terms import ON_OTHER_DATA, arguments_of, compiled, milliseconds
from pairreg.backend import configure, tf
from pairreg.backend.gpu_memory import peak_gpu_memory_mb, reset_gpu_peak
from pairreg.devices import VISIBLE
from pairreg.pair.phantom import phantom_2d, phantom_3d

SHAPES = {2: (48, 40), 3: (24, 20, 16)}
REPEATS = 10  # measured calls of a term
ITERATIONS = 5  # of a registration: more would show how rounding grows, and not where it comes from
OF_TERMS = 1e-3  # allowed: float32 keeps 1e-7, sums of thousands of them 1e-5; TF32 would be beyond
OF_FIELDS = 0.01  # voxels
OF_BFLOAT16 = 0.5  # voxels
CPU, GPU = "CPU", "GPU"


@dataclass(frozen=True)
class Measured:
    """What one device made of one entry of the menu; `error` instead of the rest if that failed."""

    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    repeats: bool = False
    milliseconds: float = float("nan")
    megabytes: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Entry:
    """One entry of the menu: how it is measured, and how far two devices may be apart."""

    measure: Callable[[], Measured]
    allowed: float = OF_TERMS
    of_field: bool = False


def menu() -> dict[str, Entry]:
    """Every entry under its name, `group/option dimensions`."""
    made = {}
    for ndim in SHAPES:
        for group in ("similarity", "regularizer"):
            for name in pairreg.options(group):
                if name not in ON_OTHER_DATA:
                    made[f"{group}/{name} {ndim}-D"] = Entry(partial(measure_term, (group, name), ndim))
        for name in pairreg.options("transform"):
            made[f"transform/{name} {ndim}-D"] = registration(ndim, transform=name)
    for name in pairreg.options("optimizer"):
        made[f"optimizer/{name} 2-D"] = registration(2, transform="displacement", optimizer=name)
    for name in ON_OTHER_DATA:
        made[f"similarity/{name} 2-D"] = registration(2, transform="displacement", similarity=["mse", name])
    rounded = partial(measure_registration, {"transform": "unet", "precision": "mixed_bfloat16"}, 2)
    made["transform/unet bfloat16 2-D"] = Entry(rounded, OF_BFLOAT16, of_field=True)
    return made


def registration(ndim: int, **chosen: Any) -> Entry:
    return Entry(partial(measure_registration, chosen, ndim), OF_FIELDS, of_field=True)


def measure_term(option: tuple[str, str], ndim: int) -> Measured:
    """Value and gradient of a term, compiled as in a run."""
    function, arguments = compiled(option), arguments_of(SHAPES[ndim])
    reset_gpu_peak()
    first, second = ([part.numpy() for part in function(*arguments)] for _ in range(2))
    times = [milliseconds(function, *arguments) for _ in range(REPEATS)]
    values = dict(zip(("value", "gradient"), first, strict=True))
    return Measured(values, same_bits(first, second), statistics.median(times), peak_gpu_memory_mb())


def measure_registration(chosen: Mapping[str, Any], ndim: int) -> Measured:
    """The field of a short registration, whose second run finds everything compiled."""
    schedule = pairreg.build("schedule/single_level", iterations=ITERATIONS)
    both = [
        pairreg.register(
            phantom(ndim), **{"initialization": "none", "schedule": schedule, "similarity": "ncc", **chosen}
        )
        for _ in range(2)
    ]
    cost = both[1].metrics
    repeats = same_bits([both[0].field], [both[1].field])
    took = 1000 * cost["seconds"] / cost["iterations"]
    return Measured({"field": both[0].field}, repeats, took, cost.get("peak_gpu_memory_mb"))


def phantom(ndim: int) -> Any:
    """A pair with labels, and with landmarks: corners of a box, and where they lie if the other image is shifted."""
    make = phantom_2d if ndim == 2 else phantom_3d
    pair = make(size=SHAPES[ndim], spacing=8.0, deformation=8.0, **({"level": 280.0} if ndim == 3 else {}))
    inside = np.array(pair.fixed.GetSize()) / 3
    corners = [inside + inside * np.array(corner) for corner in np.ndindex(*(2,) * ndim)]
    points = np.array([pair.fixed.TransformContinuousIndexToPhysicalPoint(corner.tolist()) for corner in corners])
    return replace(pair, fixed_landmarks=points, moving_landmarks=points + 4.0)


def same_bits(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))


def measure(names: Sequence[str], result: Path) -> None:
    """Measure entries on the device of this process, and leave them in a file."""
    configure()
    entries, found = menu(), {}
    for name in names:
        try:
            found[name] = entries[name].measure()
        except Exception as error:  # such as an operation that a GPU has no repeatable form of: a line of the table
            found[name] = Measured(error=f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
    device = GPU if tf.config.list_physical_devices("GPU") else CPU
    result.write_bytes(pickle.dumps((device, found)))


def measured_on(device: str, names: Sequence[str]) -> dict[str, Measured]:
    """What another process measures on a device; the command ends by a sentence if TensorFlow has none there."""
    hidden = {VISIBLE: "-1"} if device == CPU else {}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "measured"
        command = [sys.executable, __file__, "--only", ",".join(names), "--measure", str(result)]
        subprocess.run(command, check=True, env=os.environ | hidden)
        used, found = pickle.loads(result.read_bytes())
    if used != device:
        sys.exit("check_gpu: TensorFlow has no GPU here; pairreg-doctor says why, --cpu-only tries without one.")
    return found


def difference(entry: Entry, expected: Measured, found: Measured) -> float:
    """The largest difference, of a field in voxels, else relative to the largest value; infinite if one has failed."""
    if expected.error or found.error:
        return float("inf")
    return max(_apart(entry, a, found.values[name]) for name, a in expected.values.items())


def _apart(entry: Entry, expected: np.ndarray, found: np.ndarray) -> float:
    most = float(np.abs(expected.astype(float) - found.astype(float)).max())
    largest = float(np.abs(expected).max())
    return most if entry.of_field or largest == 0 else most / largest


def is_right(entry: Entry, expected: Measured, found: Measured) -> bool:
    """Whether the second device may be used for this entry: close to the first, and the same at every call."""
    return difference(entry, expected, found) <= entry.allowed and found.repeats


def table(names: Sequence[str], second: str, expected: Mapping[str, Measured], found: Mapping[str, Measured]) -> Table:
    made = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("", "difference", "allowed", "repeats", "CPU ms", f"{second} ms", "MB", ""):
        made.add_column(column, justify="left" if column == "" else "right", overflow="fold")
    entries = menu()
    for name in names:
        entry, a, b = entries[name], expected[name], found[name]
        verdict = a.error or b.error or ("" if is_right(entry, a, b) else "[bold red]wrong")
        memory = "-" if b.megabytes is None else f"{b.megabytes:.0f}"
        numbers = (f"{difference(entry, a, b):.1e}", f"{entry.allowed:g}", "yes" if b.repeats else "no")
        made.add_row(name, *numbers, f"{a.milliseconds:.1f}", f"{b.milliseconds:.1f}", memory, verdict)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu-only", action="store_true", help="the CPU in the place of the GPU, to try the script")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NAME,...", help="entries with such names")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = [name for name in menu() if not arguments.only or any(part in name for part in arguments.only)]
    if not names:
        parser.error(f"--only {','.join(arguments.only)} is part of no name, such as {next(iter(menu()))}")
    if arguments.measure:
        measure(names, arguments.measure)
        return
    second = CPU if arguments.cpu_only else GPU
    expected, found = measured_on(CPU, names), measured_on(second, names)
    Console(width=None if sys.stdout.isatty() else 160).print(table(names, second, expected, found))
    wrong = [name for name in names if not is_right(menu()[name], expected[name], found[name])]
    print(f"{len(names) - len(wrong)} of {len(names)} entries agree between {CPU} and {second}, and repeat")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

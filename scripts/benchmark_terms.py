"""What every similarity and regulariser costs: the time of one value and gradient, and the memory that it needs.

    .venv/bin/python scripts/benchmark_terms.py --csv terms.csv
    .venv/bin/python scripts/benchmark_terms.py --large --only mse,mi

Time (ms, and as a ratio to `mse`): median of one value and gradient by a displacement field, compiled as in a run,
after two calls that do not count. The options take turns, one call of each per repeat, so that whatever else the
machine does slows all of them alike. A similarity is measured as the objective with that term alone, hence with the
warp and its gradient. A regulariser is measured without the warp: its penalty, or the sum of squares of the field
that it constrains (for `none` of the field itself).

Memory (MB = 2^20 bytes): highest resident memory (VmHWM) during the first calls at the last of `--sizes`, beyond what
was resident (VmRSS) once the images and the field were there; each option in a process of its own, on the CPU, Linux
only. It includes compiling, but not loading the compiler: the option has run on a tiny image before.

The images and the field are smooth noise, the settings are those of the option files. The table is printed, and with
`--csv` also written to a file.
"""

import argparse
import csv
import functools
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.ndimage import gaussian_filter

import pairreg
from pairreg import backend
from pairreg.backend import Tensor, tf
from pairreg.backend.memory import reset_peak
from pairreg.optimization.objective import Inputs, Objective, Programs, as_inputs
from pairreg.regularizer.base import Regularizer

Shape = tuple[int, ...]
Option = tuple[str, str]  # group and name
Row = dict[str, Any]  # a line of the table, by column

GROUPS = ("similarity", "regularizer")
ON_OTHER_DATA = ("dice", "landmarks")  # terms that two images alone have nothing for
REFERENCE: Option = ("similarity", "mse")
SIZES: list[Shape] = [(384, 384), (96, 96, 96)]
LARGE: Shape = (160, 192, 224)
WARM_UP = 2  # calls: the first one compiles
# arrays go back to the system when freed, else the memory of the next ones would be resident already
EXACT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "65536", "CUDA_VISIBLE_DEVICES": "-1"}


def main() -> None:
    arguments = parsed()
    if arguments.memory_of:
        print(memory_here(arguments.memory_of, arguments.sizes[-1]))
        return
    tf.get_logger().setLevel("ERROR")  # it warns of many compiled functions: that is what this is for
    options = chosen(arguments.only)
    rows: dict[Option, Row] = {option: {"group": option[0], "option": option[1]} for option in options}
    for shape in arguments.sizes:
        add_times(rows, shape, arguments.repeats)
    for shape in dict.fromkeys([arguments.sizes[-1]] + [LARGE] * arguments.large):
        add_memory(rows, shape)
    Console().print(table(list(rows.values()), arguments.repeats))
    if arguments.csv:
        write(arguments.csv, list(rows.values()))


def parsed() -> argparse.Namespace:
    known = {name: (group, name) for group in GROUPS for name in pairreg.options(group) if name not in ON_OTHER_DATA}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table here, too")
    parser.add_argument("--sizes", type=shapes, default=SIZES, help="such as 384x384,96x96x96 (the default)")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=list(known), metavar="NAME,...", help="these and mse"
    )
    parser.add_argument("--repeats", type=int, default=15, help="measured calls of each option (15)")
    parser.add_argument("--large", action="store_true", help=f"memory at {label(LARGE)}, too")
    parser.add_argument("--memory-of", type=lambda text: tuple(text.split("/")), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.only if name not in known]:
        parser.error(f"--only: {', '.join(unknown)} not among {', '.join(known)}")
    if arguments.repeats < 1:
        parser.error(f"--repeats should be at least 1; it is {arguments.repeats}")
    arguments.only = [known[name] for name in arguments.only]
    return arguments


def shapes(text: str) -> list[Shape]:
    return [tuple(int(n) for n in size.split("x")) for size in text.split(",")]


def label(shape: Shape) -> str:
    return "x".join(map(str, shape))


def chosen(options: Sequence[Option]) -> list[Option]:
    """The options, each once and grouped, with the one that the others are compared with at the head."""
    return sorted({REFERENCE, *options}, key=lambda option: (option != REFERENCE, GROUPS.index(option[0]), option[1]))


def compiled(option: Option) -> Callable[[Tensor, Inputs], tuple[Tensor, Tensor]]:
    """The value and the gradient of an option by the field."""
    group, name = option
    term = pairreg.build(f"{group}/{name}")
    if group == "regularizer":
        return backend.compiled(functools.partial(penalty_and_gradient, term))
    alone = Programs(1).of(Objective({name: term}, {}))
    made: Callable[[Tensor, Inputs], tuple[Tensor, Tensor]] = tf.function(alone, autograph=False)
    return made  # it compiles its three programs itself: compiled as a whole they would be one


def penalty_and_gradient(term: Regularizer, field: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(field)
        used = term.constrain(field, inputs.spacing)
        value = term.penalty(used, inputs.spacing) if term.has_penalty else tf.reduce_sum(used * used)
    return value, tape.gradient(value, field)


def arguments_of(shape: Shape) -> tuple[Tensor, Inputs]:
    """A field of up to 2 voxels, and images on [0, 1]."""
    random = np.random.default_rng(0)
    field = np.stack([4 * noise(random, shape, 8) - 2 for _ in shape], axis=-1)
    inputs = {
        "fixed": noise(random, shape, 2),
        "moving": noise(random, shape, 2),
        "before": np.zeros(len(shape), np.int32),
        "mask": np.ones(shape, bool),
        "usable": np.ones(shape, bool),
        "spacing": np.ones(len(shape), np.float32),
        "weights": np.ones(1, np.float32),
        "stiffness": (),
    }
    return tf.constant(field), as_inputs(inputs)


def noise(random: np.random.Generator, shape: Shape, sigma: float) -> np.ndarray:
    image = gaussian_filter(random.random(shape, np.float32), sigma)
    scaled: np.ndarray = (image - image.min()) / (image.max() - image.min())
    return scaled


def add_times(rows: dict[Option, Row], shape: Shape, repeats: int) -> None:
    """Add the columns of milliseconds and of their ratio to the reference."""
    arguments = arguments_of(shape)
    functions = {option: compiled(option) for option in rows}
    for function in track(functions.values(), f"compiling at {label(shape)}", console=Console(stderr=True)):
        for _ in range(WARM_UP):
            milliseconds(function, *arguments)
    measured: dict[Option, list[float]] = {option: [] for option in rows}
    for _ in track(range(repeats), f"time at {label(shape)}", console=Console(stderr=True)):
        for option, function in functions.items():
            measured[option].append(milliseconds(function, *arguments))
    medians = {option: statistics.median(times) for option, times in measured.items()}
    for option, row in rows.items():
        row[f"{label(shape)} ms"] = medians[option]
        row[f"{label(shape)} ratio"] = medians[option] / medians[REFERENCE]


def milliseconds(function: Callable[..., tuple[Tensor, Tensor]], field: Tensor, inputs: Inputs) -> float:
    began = time.perf_counter()
    value, _ = function(field, inputs)
    value.numpy()  # a GPU answers before it is done
    return 1000 * (time.perf_counter() - began)


def add_memory(rows: dict[Option, Row], shape: Shape) -> None:
    """Add the column of extra peak memory."""
    for option in track(list(rows), f"memory at {label(shape)}", console=Console(stderr=True)):
        command = [sys.executable, __file__, "--memory-of", "/".join(option), "--sizes", label(shape)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | EXACT_MEMORY)
        rows[option][f"{label(shape)} MB"] = float(output.stdout)


def memory_here(option: Option, shape: Shape) -> float:
    """Extra peak memory of an option in MB, in a process that has done nothing else."""
    function = compiled(option)
    milliseconds(function, *arguments_of((16,) * len(shape)))
    arguments = arguments_of(shape)
    reset_peak()
    before = status_mb("VmRSS")
    for _ in range(WARM_UP):
        milliseconds(function, *arguments)
    return status_mb("VmHWM") - before


def status_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def table(rows: Sequence[Row], repeats: int) -> Table:
    device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    title = f"value and gradient: median of {repeats} on the {device}, {os.cpu_count()} cores; extra peak memory"
    made = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    columns = list(rows[0])[1:]
    for column in columns:
        name = column == "option"
        made.add_column(column, justify="left" if name else "right", no_wrap=name, overflow="fold")
    for group, members in itertools.groupby(rows, key=lambda row: row["group"]):
        made.add_section()
        made.add_row(f"[bold]{group}")
        for row in members:
            made.add_row(row["option"], *[number(row[column]) for column in columns[1:]])
    return made


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def write(file: Path, rows: Sequence[Row]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

"""How fast and how good pairreg is, in one table: the published protocol, ANTs SyN and elastix, large volumes,
start-up, scaling, checks, anatomies that nothing was tuned on, studies of a thousand runs, reports of many.

    python -m venv peers && peers/bin/pip install antspyx itk-elastix
    export PAIRREG_PEERS=peers/bin/python
    .venv/bin/python scripts/benchmark.py --output benchmark
    .venv/bin/python scripts/benchmark.py --output benchmark --only 1,6

Points: 1 step of preset=published_2d, 2 time to the published objective, 3 preset=fast and 4 preset=accurate against
SyN and elastix, 5 large volumes, 6 start-up, 7 cost per voxel, 8 cost of all checks, 9 presets on anatomies that they
were not chosen by, against SyN, elastix and our parts in the order of ConvexAdam (hours; PAIRREG_WIDE names a folder
for its runs), 10 random starts, 11 a study of 1000 runs (PAIRREG_SCALE: another number) in every place to compute that
is there, 12 reports of up to 5000 runs, 13 optimizers (PAIRREG_OPTIMIZER_PAIRS: on other pairs), 14 every term and
transform against what memory and cores can do at best; 0 is a profile of default runs. Points 3, 4 and 9 need the
packages above. Each point runs in a process of its own. Contestants take turns, and the figures are medians of
`--repeats`; what takes minutes (4000 published iterations, points 4, 5, and 9 to 13) and point 8 run once. The real
pairs are those of the folder that the environment variable PAIRREG_DATA names.

The table is printed and, with a figure, kept in the folder `--output`; points measured again replace their lines.
"""

import argparse
import importlib
import os
import platform
import subprocess
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.common import Measured, read, write

POINTS = {
    0: "profile:measure",
    1: "published_step:measure",
    2: "published_objective:measure",
    3: "peers:fast",
    4: "peers:accurate",
    5: "large:measure",
    6: "startup:measure",
    7: "linear:measure",
    8: "checks:measure",
    9: "wide:measure",
    10: "starts:measure",
    11: "scale:measure",
    12: "scale_report:measure",
    13: "optimizers:measure",
    14: "roofline:measure",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--only", type=lambda text: [int(n) for n in text.split(",")], default=list(POINTS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    file = arguments.output / "benchmark.csv"
    if arguments.one is not None:
        module, function = POINTS[arguments.one].split(":")
        measured = getattr(importlib.import_module(f"benchmarks.{module}"), function)(arguments.repeats)
        write(file, sorted([row for row in read(file) if row.point != arguments.one] + measured, key=lambda r: r.point))
        return
    failed = [point for point in arguments.only if not succeeds(point, arguments)]
    rows = read(file)
    Console(width=150).print(table(rows))
    from benchmarks.figure import draw

    draw(rows, arguments.output / "benchmark.png")
    if failed:
        sys.exit(f"not measured: {', '.join(map(str, failed))}")


def succeeds(point: int, arguments: argparse.Namespace) -> bool:
    options = ["--output", str(arguments.output), "--repeats", str(arguments.repeats)]
    command = [sys.executable, __file__, "--one", str(point), *options]
    return subprocess.run(command).returncode == 0


def table(rows: list[Measured]) -> Table:
    made = Table(title=f"{os.cpu_count()} cores, {platform.machine()}", box=box.SIMPLE, pad_edge=False)
    for column in ("case", "quantity"):
        made.add_column(column)
    for column in ("value", "unit", "limit", "met"):
        made.add_column(column, justify="right", no_wrap=True)
    before: tuple[int, str] | None = None
    for row in rows:
        if before is None or row.point != before[0]:
            made.add_section()
            made.add_row(f"[bold]{POINTS[row.point].partition(':')[0].replace('_', ' ')} ({row.point})")
        case = "" if before == (row.point, row.case) else row.case
        limit = f"{row.limit[:2]} {float(row.limit[3:]):.4g}" if row.limit else ""
        made.add_row(case, row.quantity, f"{row.value:.4g}", row.unit, limit, row.met)
        before = row.point, row.case
    return made


if __name__ == "__main__":
    main()

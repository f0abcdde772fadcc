"""Point 6: from the command to an answer, to the first steps, and from one run of a study to the next."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.common import Measured, seconds

PAIRREG = str(Path(sys.executable).with_name("pairreg"))
HELP, FIRST, NEXT = 0.8, 12.0, 1.5  # seconds
ONE_STEP = "schedule.iterations=[1,1,1,1]"  # on each level; reported at once
STUDIES = ("seed=0,1", "regularizer.diffusion.weight=1,2", "similarity=mse,pcc")


def measure(repeats: int) -> list[Measured]:
    rows = []
    for case, argument, code in (("pairreg --help", "--help", 0), ("pairreg similarity=nc", "similarity=nc", 2)):
        times = [seconds(lambda: refused(argument, code)) for _ in range(repeats)]  # noqa: B023
        rows.append(Measured(6, case, "time", float(np.median(times)), "s", f"<= {HELP}"))
    with tempfile.TemporaryDirectory() as home:
        cold = [first_step(Path(home) / f"cold{k}") for k in range(repeats)]
        warm = [first_step(Path(home) / "cold0") for _ in range(repeats)]
        rows += [
            Measured(
                6, "pairreg", "command to first step, nothing compiled yet", float(np.median(cold)), "s", f"<= {FIRST}"
            ),
            Measured(6, "pairreg", "the same with the compile cache", float(np.median(warm)), "s", f"<= {FIRST}"),
        ]
        for sweep in STUDIES:
            times = [between_runs(Path(home) / "cold0", sweep) for _ in range(repeats)]
            rows.append(
                Measured(
                    6,
                    f"pairreg {sweep} -m",
                    "end of a run to the next one's first step",
                    float(np.median(times)),
                    "s",
                    f"<= {NEXT}",
                )
            )
    return rows


def refused(argument: str, code: int) -> None:
    done = subprocess.run([PAIRREG, argument], capture_output=True)
    assert done.returncode == code, done.stderr


def lines(cache: Path, *arguments: str) -> list[tuple[float, str]]:
    """Seconds since the command, and the line that it printed then."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        environment = os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            [PAIRREG, *arguments], stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
        ) as run:
            assert run.stdout is not None
            found = [(time.perf_counter() - began, line) for line in run.stdout]
        assert run.returncode == 0
    return found


def first_step(cache: Path) -> float:
    """Until the first iteration of the coarsest level is reported."""
    return next(at for at, line in lines(cache, ONE_STEP) if "iteration 1 " in line)


def between_runs(cache: Path, sweep: str) -> float:
    """From the end of the first run, its files written, to the first iteration of the second."""
    printed = lines(cache, sweep, ONE_STEP, "-m")
    ended = next(k for k, (_, line) in enumerate(printed) if line.startswith("[1/2]"))
    return next(at for at, line in printed[ended:] if "iteration 1 " in line) - printed[ended][0]

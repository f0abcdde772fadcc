"""Point 11: a study of a thousand small runs: what each costs beyond its registration, and the same command again.

The environment variable PAIRREG_SCALE says how many runs there are (1000), which differ in their seeds. `local` and
`processes` are measured, Slurm and Ray where they are there: `scripts/check_slurm` and `scripts/check_ray` say how one
machine gets them.
"""

import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common import Measured, seconds
from pairreg.compute.ray import require_cluster
from pairreg.errors import InputError
from pairreg.report.study_runs import read_study
from pairreg.runs.folder import run_folders
from pairreg.runs.provenance import code
from pairreg.tracking.mlflow import MLflowTracker

PAIRREG = str(Path(sys.executable).with_name("pairreg"))
STUDY, PAGE = "scale", 100  # runs that MLflow shows on a page
AGAIN = 10.0  # seconds for 1000 complete runs


@dataclass(frozen=True)
class Spent:
    """The wall time of a command, and the processor time of its processes, in s."""

    wall: float
    cpu: float


def measure(repeats: int) -> list[Measured]:
    """Each study once: a thousand runs are repeats enough."""
    del repeats
    count = int(os.environ.get("PAIRREG_SCALE", "1000"))
    rows = []
    for compute in backends():
        with tempfile.TemporaryDirectory() as folder:
            spent = run(Path(folder), compute, count)
            rows += of_runs(compute, spent, Path(folder), count)
            if compute == "local":
                rows += of_index(Path(folder), count)
            again = run(Path(folder), compute, count)
            rows += [
                Measured(11, name(compute, count), "the same command again", again.wall, "s", f"<= {AGAIN}"),
                Measured(11, name(compute, count), "the same command again, processor", again.cpu, "s"),
            ]
    return rows


def backends() -> list[str]:
    """Return the names of the places to compute that this machine has."""
    found = ["local", "processes"]
    if shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True).returncode == 0:
        found.append("slurm")
    if importlib.util.find_spec("ray"):
        try:
            require_cluster("auto")
            found.append("ray")
        except InputError as error:
            print(f"no Ray: {error}", file=sys.stderr)
    return found


def name(compute: str, count: int) -> str:
    return f"{count} runs, compute={compute}"


def run(folder: Path, compute: str, count: int) -> Spent:
    seeds = ",".join(map(str, range(count)))
    few = ["compute.cpus=1", "compute.memory_gb=3"] if compute == "slurm" else []
    quick = ("preset=smoke", "transform=displacement", f"seed={seeds}", f"study={STUDY}", f"compute={compute}")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([PAIRREG, *quick, *few, "-m"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def of_runs(compute: str, spent: Spent, folder: Path, count: int) -> list[Measured]:
    """Time and memory of the runs; the processes of Slurm and Ray are not the command's own."""
    runs = sorted(read_study(folder / "runs" / STUDY).runs, key=lambda one: one.finished_at)
    registering = float(np.mean([one.metrics["seconds"] for one in runs]))
    memory = [one.metrics["peak_memory_mb"] for one in runs]
    rows = [
        ("a run", spent.wall / count, "s"),
        ("of it the registration", registering, "s"),
        ("a run, processor", spent.cpu / count, "s"),
        ("memory after the first tenth of the runs", memory[count // 10], "MB"),
        ("memory at most", max(memory), "MB"),
    ]
    return [
        Measured(11, name(compute, count), *row)
        for row in rows
        if compute in ("local", "processes") or "processor" not in row[0]
    ]


def of_index(folder: Path, count: int) -> list[Measured]:
    """What a run takes on the disk, and in MLflow."""
    study, kept = folder / "runs" / STUDY, folder / "runs" / "mlartifacts"
    files = [path for run in run_folders(study) for path in run.rglob("*") if path.is_file()]
    both = {(path.stat().st_dev, path.stat().st_ino): path for path in [*files, *kept.rglob("*")] if path.is_file()}
    index = MLflowTracker(f"sqlite:///{folder / 'again.db'}")
    index.open(STUDY, folder / "again", code())
    writing = seconds(lambda: index.complete(run_folders(study)))
    experiment = index.client.get_experiment_by_name(STUDY).experiment_id
    rows = [
        ("files of a run", len(files) / count, ""),
        ("a run on the disk", sum(path.stat().st_size for path in both.values()) / count / 1e6, "MB"),
        ("a run in MLflow's database", (folder / "runs" / "mlflow.db").stat().st_size / count / 1e3, "kB"),
        ("a run written to MLflow from its folder", writing / count, "s"),
        ("a page of MLflow", seconds(lambda: index.client.search_runs([experiment], max_results=PAGE)), "s"),
    ]
    return [Measured(11, name("local", count), *row) for row in rows]

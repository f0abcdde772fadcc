"""Point 12: `pairreg-report` over many runs: seconds, memory, and the size of the page; and again, with nothing new.

The runs are copies of one real run (bundled 2-D pair, a few iterations) whose settings, pairs and metrics differ; their
arrays are the same file under many names. Twenty pairs each; the settings are objectives and weights.
"""

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Measured
from pairreg import plain_json
from pairreg.option_files import option_node

RUNS = (100, 1000, 5000)
PAIRS = 20
LIMITED, LIMITS = 1000, {"time": 60.0, "memory": 1000.0, "page": 5.0}  # of so many runs: s, MB, MB
SIMILARITIES, REGULARIZERS = ("mse", "ncc", "mi", "pcc", "ssim"), ("diffusion", "bending_energy")
COMMAND = ("preset=smoke", "transform=displacement", "tracking=none", "study=base")
KEPT = ("config.yaml", "history.csv", "result.h5", "task.json")
SPREAD = {"dice_mean": 0.02, "seconds": 0.5, "folds_percent": 0.01}  # standard deviations between pairs


def measure(repeats: int) -> list[Measured]:
    del repeats
    with tempfile.TemporaryDirectory() as folder:
        base = base_run(Path(folder))
        rows = []
        for count in RUNS:
            study = Path(folder) / "runs" / f"of_{count}"
            write_study(base, study, count)
            rows += _measured(study, f"{count} runs", LIMITS if count == LIMITED else {})
            shutil.rmtree(study)
        return rows


def base_run(folder: Path) -> Path:
    """A real run, made by the command in `folder`."""
    subprocess.run([_command("pairreg"), *COMMAND], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (run,) = (path for path in (folder / "runs" / "base").iterdir() if (path / "result.json").is_file())
    return run


def write_study(base: Path, study: Path, count: int, pairs: int = PAIRS) -> None:
    """Write `count` run folders that are as `base`, but for the objective, the pair, and the metrics."""
    summary = json.loads((base / "result.json").read_text(encoding="utf-8"))
    random = np.random.default_rng(0)
    objectives = list(itertools.product(SIMILARITIES, REGULARIZERS))
    for index in range(count):
        setting, pair = divmod(index, pairs)
        weight, which = divmod(setting, len(objectives))
        choices = dict(zip(("similarity", "regularizer"), objectives[which], strict=True))
        config = {**summary["config"], "study": study.name, "pair": _case(f"case_{pair + 1:02d}")}
        for group, option in choices.items():
            config[group] = {option: option_node(f"{group}/{option}")}
        config["regularizer"][choices["regularizer"]]["weight"] = 0.1 * 2**weight if weight < 20 else float(weight)
        metrics = dict(summary["metrics"])
        for name, spread in SPREAD.items():
            metrics[name] = abs(metrics[name] + spread * (random.normal() + 0.1 * which))
        own = {
            **summary,
            "metrics": metrics,
            "config": config,
            "choices": summary["choices"] | choices | {"pair": "hdf5"},
        }
        _write_run(base, study / hashlib.sha256(f"{index}".encode()).hexdigest()[:8], own)


def _write_run(base: Path, folder: Path, summary: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True)
    for name in KEPT:
        os.link(base / name, folder / name)
    (folder / "result.json").write_text(plain_json.dumps(summary, indent=2), encoding="utf-8")


def _case(name: str) -> dict[str, Any]:
    return {"_target_": "pairreg.pair.hdf5.load_case", "file": "cases.h5", "case": name}


def _measured(study: Path, case: str, limits: Mapping[str, float]) -> list[Measured]:
    took, memory = _report(study)
    again, _ = _report(study)
    page = (study / "report" / "index.html").stat().st_size / 1e6

    def limit(name: str) -> str:
        return f"<= {limits[name]}" if name in limits else ""

    return [
        Measured(12, case, "pairreg-report", took, "s", limit("time")),
        Measured(12, case, "the same with nothing new", again, "s"),
        Measured(12, case, "peak memory, its processes together", memory, "MB", limit("memory")),
        Measured(12, case, "page", page, "MB", limit("page")),
    ]


def _report(study: Path) -> tuple[float, float]:
    """Seconds of the command, and the peak memory in MB of its processes together (shared pages once)."""
    began, peak = time.perf_counter(), 0.0
    with subprocess.Popen([_command("pairreg-report"), str(study)], stdout=subprocess.DEVNULL) as command:
        while command.poll() is None:
            peak = max(peak, _memory(command.pid))
            time.sleep(0.1)
    assert command.returncode == 0
    return time.perf_counter() - began, peak


def _memory(process: int) -> float:
    """MB of a process and its children."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # it has just ended
        return 0.0
    own = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1000
    return own + sum(_memory(int(child)) for child in children)


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))

"""Studies as their users meet them: real commands, killed, failing, at the same time."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import SimpleITK as sitk

from command_helpers import BIN
from pairreg.interruption import PATIENCE

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
COMMAND = str(BIN / "pairreg")
INTERRUPTED = "pairreg: interrupted; the same command goes on with what is missing.\n"
QUICK = ("preset=smoke", "transform=displacement", "study=s")


def begin(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [COMMAND, *QUICK, *arguments, "-m"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


def results(folder: Path) -> dict[str, int]:
    """When each run was completed; MLflow has copies elsewhere."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("runs/s/*/result.json")}


def tracked(folder: Path, everything: bool = False) -> list[tuple[str, str]]:
    """Signature and status of the runs in MLflow."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    store = MlflowClient(f"sqlite:///{folder}/runs/mlflow.db")
    experiment = store.get_experiment_by_name("s")
    view = ViewType.ALL if everything else ViewType.ACTIVE_ONLY
    runs = store.search_runs([experiment.experiment_id], run_view_type=view)
    return [(r.data.tags.get("pairreg.signature", "parent"), r.info.status) for r in runs]


@pytest.mark.slow
def test_the_same_command_again_runs_only_what_is_missing(pairreg, tmp_path):
    dry = pairreg(*QUICK, "similarity=mse,pcc", "dry_run=true", "-m", cwd=tmp_path)
    assert dry.returncode == 0 and "2 runs, 2 to do" in dry.stdout and dry.stdout.count("missing") == 2
    assert not results(tmp_path) and not (tmp_path / "runs" / "mlflow.db").exists()
    first = pairreg(*QUICK, "similarity=mse", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    dry = pairreg(*QUICK, "similarity=mse,pcc", "dry_run=true", "-m", cwd=tmp_path)
    assert "2 runs, 1 to do, about" in dry.stdout and "complete" in dry.stdout and "missing" in dry.stdout
    (file,) = tmp_path.glob("runs/s/*/result.json")
    summary = json.loads(file.read_text())
    summary["provenance"]["git_commit"] = "c0ffee"
    file.write_text(json.dumps(summary))
    one = results(tmp_path)
    again = pairreg(*QUICK, "similarity=mse,pcc", "-m", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "1 of 2 runs were computed by other code; rerun=true repeats them" in again.stdout
    both = results(tmp_path)
    assert len(both) == 2 and both.items() > one.items()
    assert sorted(status for _, status in tracked(tmp_path)) == ["FINISHED"] * 3
    page = tmp_path / "runs" / "s" / "report" / "index.html"
    written = page.stat().st_mtime_ns
    nothing = pairreg(*QUICK, "similarity=mse,pcc", "-m", cwd=tmp_path)
    assert "2 of 2 runs were complete since an earlier command; rerun=true repeats them" in nothing.stdout
    assert "report: runs/s/report/index.html" in nothing.stdout and page.stat().st_mtime_ns == written
    repeated = pairreg(*QUICK, "similarity=mse", "rerun=true", cwd=tmp_path)
    assert repeated.returncode == 0 and results(tmp_path)[next(iter(one))] > next(iter(one.values()))
    assert len(tracked(tmp_path)) == 3, "one active run per run folder"
    pairreg(*QUICK, "similarity=mse,pcc", "-m", cwd=tmp_path)
    assert page.stat().st_mtime_ns > written, "a run has ended since"


@pytest.mark.slow
def test_a_killed_study_goes_on_where_it_was(pairreg, tmp_path):
    study = begin(tmp_path, "similarity=mse,pcc,ssim")
    wait_for(lambda: 1 <= len(results(tmp_path)) < len(list(tmp_path.glob("runs/s/*/run.log"))))
    study.send_signal(signal.SIGKILL)
    study.communicate()
    done = results(tmp_path)
    assert 1 <= len(done) < 3
    assert "RUNNING" in dict(tracked(tmp_path)).values()
    resumed = pairreg(*QUICK, "similarity=mse,pcc,ssim", "compute=processes", "-m", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert done.items() < results(tmp_path).items() and len(results(tmp_path)) == 3
    assert sorted(status for _, status in tracked(tmp_path)) == ["FINISHED"] * 4
    assert "KILLED" in [status for _, status in tracked(tmp_path, everything=True)]


@pytest.mark.slow
def test_two_invocations_at_once_share_the_runs(tmp_path):
    both = [begin(tmp_path, "similarity=mse,pcc,ssim", "compute=local") for _ in range(2)]
    outputs = [study.communicate(timeout=300) for study in both]
    assert [study.returncode for study in both] == [0, 0], outputs
    done = [re.findall(r"\] (\w{8}) done", out) for out, _ in outputs]
    assert sorted(done[0] + done[1]) == sorted(results(tmp_path)), "every run was done once"
    assert sorted(status for _, status in tracked(tmp_path)) == ["FINISHED"] * 4


@pytest.mark.slow
def test_a_process_that_is_killed_costs_one_run(tmp_path):
    study = begin(tmp_path, "similarity=mse,pcc,ssim", "compute=processes", "compute.workers=1")
    wait_for(lambda: any("iteration" in log.read_text() for log in tmp_path.glob("runs/s/*/run.log")))
    (victim,) = [p for p in children(study.pid) if "spawn_main" in Path(f"/proc/{p}/cmdline").read_text()]
    os.kill(victim, signal.SIGKILL)
    out, err = study.communicate(timeout=300)
    assert study.returncode == 1
    assert len(results(tmp_path)) == 2
    assert "its process died" in err and "to repeat it: pairreg preset=smoke" in err


@pytest.mark.slow
def test_workers_end_with_the_command(tmp_path):
    study = begin(tmp_path, "similarity=mse,pcc", "compute=processes")
    wait_for(lambda: len(list(tmp_path.glob("runs/s/*/run.log"))) == 2)
    workers = children(study.pid)
    assert len(workers) >= 2
    study.send_signal(signal.SIGKILL)
    study.communicate()
    wait_for(lambda: not any(Path(f"/proc/{pid}/environ").exists() for pid in workers), seconds=20)


def children(pid: int) -> list[int]:
    """Of all its threads."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for text in lists for child in text.read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_study_says_how_to_go_on(tmp_path, number):
    study = begin(tmp_path, "similarity=mse,pcc")
    wait_for(lambda: any("iteration" in log.read_text() for log in tmp_path.glob("runs/s/*/run.log")))
    began = time.monotonic()
    study.send_signal(number)
    _, err = study.communicate(timeout=60)
    assert (study.returncode, err) == (130, INTERRUPTED)
    if (
        time.monotonic() - began >= PATIENCE
    ):  # a long call of a library left no time to tell the index: the next one does
        again = begin(tmp_path, "similarity=mse,pcc")
        again.communicate(timeout=300)
        assert again.returncode == 0
    statuses = dict(tracked(tmp_path))
    assert statuses.pop("parent") == "FINISHED" and set(statuses.values()) <= {"KILLED", "FINISHED"}
    assert not list(tmp_path.glob("runs/s/*/error.txt"))


LIBRARY = """
import signal
from dataclasses import dataclass
from pairreg.similarity.mse import MSE


@dataclass(frozen=True)
class Deaf(MSE):
    def __call__(self, *arguments):
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException:
            {answer}
        return super().__call__(*arguments)
"""


@pytest.mark.parametrize("answer", ["pass", "raise ValueError('half a list')"])
def test_an_interruption_that_a_library_drops_or_masks_still_counts(pairreg, tmp_path, answer):
    (tmp_path / "library.py").write_text(LIBRARY.format(answer=answer))
    deaf = ("similarity=mse", "similarity.mse._target_=library.Deaf", "trusted_modules=[library]")
    done = pairreg(*QUICK, *deaf, cwd=tmp_path, PYTHONPATH=".")
    assert (done.returncode, done.stderr) == (130, INTERRUPTED)
    assert not results(tmp_path) and not list(tmp_path.glob("runs/s/*/error.txt"))
    assert sorted(status for _, status in tracked(tmp_path)) == ["FINISHED", "KILLED"]


@pytest.mark.parametrize("varied", ["study=a,b", "output_dir=a,b", "compute=local,processes", "study=.hidden"])
def test_what_cannot_vary_is_refused(pairreg, tmp_path, varied):
    done = pairreg("preset=smoke", varied, "dry_run=true", "-m", cwd=tmp_path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.slow
def test_a_process_that_has_grown_hands_over(pairreg, tmp_path):
    done = pairreg(*QUICK, "similarity=mse,pcc", "compute.memory_gb=0.05", "-m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(results(tmp_path)) == 2 and "iteration" not in done.stdout, "another process did the runs"
    assert sorted(status for _, status in tracked(tmp_path)) == ["FINISHED"] * 3


@pytest.mark.slow
def test_fail_fast_ends_with_the_first_failure(pairreg, tmp_path):
    """A step so long that the field leaves the numbers: the runs after it are not begun."""
    diverging = ("optimizer=sgd", "optimizer.learning_rate=1,1e9,2", "similarity=mse", "preset=smoke")
    command = ("transform=displacement", *diverging, "tracking=none", "output_dir=runs", "-m")
    done = pairreg(*command, "fail_fast=true", cwd=tmp_path)
    assert done.returncode == 1 and "became" in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert "fail_fast=true: 1 runs are not begun or not finished" in done.stdout
    assert len(list(tmp_path.rglob("result.json"))) == 1 and "2 runs" in done.stdout
    done = pairreg(*command, cwd=tmp_path)
    assert done.returncode == 1 and len(list(tmp_path.rglob("result.json"))) == 2, done.stderr
    sitk.WriteTransform(sitk.TranslationTransform(2, (1e4, 0.0)), str(tmp_path / "far.tfm"))
    far = ("initialization=file", "initialization.path=far.tfm", "similarity=mse,pcc,ncc", "fail_fast=true")
    done = pairreg(*QUICK, *far, "tracking=none", "-m", cwd=tmp_path)
    assert done.returncode == 2 and "fail_fast=true: 2 runs are not begun" in done.stdout, (done.stdout, done.stderr)


@pytest.mark.slow
def test_a_study_says_how_long_it_still_takes(pairreg, tmp_path):
    options = ("preset=smoke", "transform=displacement", "tracking=none", "output_dir=runs", "seed=0,1,2", "-m")
    done = pairreg(*options, cwd=tmp_path)
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert [line[:5] for line in lines] == ["[1/3]", "[2/3]", "[3/3]"]
    assert all(re.search(r"done, about \d+ s left$", line) for line in lines[:2]) and lines[2].endswith(" done")

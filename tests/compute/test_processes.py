"""Where runs are computed: what a worker process gets, and what becomes of one that dies. All processes are real."""

import functools
import os
import signal
import stat
import time
from pathlib import Path

import pytest

import pairreg
from pairreg.compute import processes
from pairreg.compute.local import Local
from pairreg.compute.processes import THREADS, Processes, cores, gpus
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec

CONFIG = {
    "study": "s",
    "output_dir": "runs",
    "trusted_modules": [],
    "pair": {"_target_": "pairreg.pair.bundled.thorax_ct_2d"},
}


def specs(count: int) -> list[RunSpec]:
    return [RunSpec(CONFIG | {"seed": seed}, {"pair": "p"}) for seed in range(count)]


def note(spec: RunSpec, folder: Path) -> RunOutcome:
    """Writes down what the process of a run sees."""
    names = [*THREADS, "CUDA_VISIBLE_DEVICES"]
    seen = [os.environ.get(name, "") for name in names]
    (folder / spec.signature).write_text(" ".join([str(os.getpid()), *seen]))
    time.sleep(0.3)  # so that every worker takes part
    return RunOutcome(spec.signature, folder)


def die(spec: RunSpec, folder: Path) -> RunOutcome:
    if spec.config["seed"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return note(spec, folder)


def grow(spec: RunSpec, folder: Path) -> RunOutcome:
    globals().setdefault("_held", []).append(bytearray(os.urandom(1 << 20) * 200))
    return note(spec, folder)


def seen(folder: Path) -> list[list[str]]:
    return [path.read_text().split(" ") for path in folder.iterdir()]


def test_cores_are_shared_among_the_workers(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(processes, "gpus", list)
    outcomes = list(Processes(workers=2).run(specs(4), functools.partial(note, folder=tmp_path), tmp_path))
    assert {outcome.signature for outcome in outcomes} == {spec.signature for spec in specs(4)}
    found = seen(tmp_path)
    assert len({pid for pid, *_ in found}) == 2 and str(os.getpid()) not in {pid for pid, *_ in found}
    assert {tuple(rest[:3]) for _, *rest in found} == {(str(max(1, cores() // 2)),) * 3}


def test_each_worker_sees_one_device(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert gpus() == ["0", "1", "2", "3"]
    list(Processes(workers=None).run(specs(4), functools.partial(note, folder=tmp_path), tmp_path))
    by_process = {pid: rest[-1] for pid, *rest in seen(tmp_path)}
    assert sorted(by_process.values()) == ["0", "1", "2", "3"]


def test_devices_are_those_that_the_driver_lists(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == []
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    driver.chmod(driver.stat().st_mode | stat.S_IEXEC)
    assert gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpus() == []


def test_a_killed_worker_costs_its_run_only(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "gpus", list)
    wanted = specs(3)
    outcomes = {
        o.signature: o for o in Processes(workers=1).run(wanted, functools.partial(die, folder=tmp_path), tmp_path)
    }
    assert len(outcomes) == 3
    killed = outcomes[wanted[1].signature]
    assert killed.state == "failed" and "its process died" in str(killed.error)
    assert [outcomes[spec.signature].state for spec in (wanted[0], wanted[2])] == ["done", "done"]
    assert len({pid for pid, *_ in seen(tmp_path)}) == 2, "another process took its place"


@pytest.mark.parametrize(("memory_gb", "count"), [(0.05, 3), (50.0, 1)])
def test_a_process_that_has_grown_is_replaced(tmp_path, monkeypatch, memory_gb, count):
    monkeypatch.setattr(processes, "gpus", list)
    work = functools.partial(grow, folder=tmp_path)
    list(Processes(workers=1, memory_gb=memory_gb).run(specs(3), work, tmp_path))
    assert len({pid for pid, *_ in seen(tmp_path)}) == count


def test_local_goes_on_in_another_process_once_this_one_has_grown(tmp_path):
    work = functools.partial(note, folder=tmp_path)
    list(Local(memory_gb=1000.0).run(specs(2), work, tmp_path))
    assert {pid for pid, *_ in seen(tmp_path)} == {str(os.getpid())}
    list(Local(memory_gb=1e-6).run(specs(2), work, tmp_path))
    assert str(os.getpid()) not in {pid for pid, *_ in seen(tmp_path)}


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pairreg.InputError, match="compute=slurm needs Slurm's sbatch"):
        next(iter(pairreg.build("compute/slurm").run(specs(1), functools.partial(note, folder=tmp_path), tmp_path)))

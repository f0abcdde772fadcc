"""Where runs are computed on this machine: what a process gets, and what becomes of one that dies. All are real."""

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command_helpers import only_run
from pairreg.compute.base import THREADS
from pairreg.compute.local import Local
from pairreg.compute.packing import fitting, room
from pairreg.compute.processes import Processes
from pairreg.devices import VISIBLE, gpu_names
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from worker_helpers import die, note, only_the_killed_run_is_lost, seen, specs, wait_for


@pytest.fixture
def no_gpu(monkeypatch):
    """A machine without GPUs, for it and the processes that it starts."""
    monkeypatch.setenv(VISIBLE, "-1")


def have_cores(monkeypatch, count: int) -> None:
    """As a machine of so many cores, whatever this one has: a process for each of 64 takes its time and memory."""
    monkeypatch.setattr("pairreg.compute.processes.cores", lambda: count)


def grow(spec: RunSpec, folder: Path) -> RunOutcome:
    globals().setdefault("_held", []).append(bytearray(os.urandom(1 << 20) * 200))
    return note(spec, folder)


def test_cores_are_shared_among_the_workers(tmp_path, no_gpu, monkeypatch):
    have_cores(monkeypatch, 7)
    outcomes = list(Processes(workers=2).run(specs(4), functools.partial(note, folder=tmp_path, workers=2), tmp_path))
    assert {outcome.signature for outcome in outcomes} == {spec.signature for spec in specs(4)}
    found = seen(tmp_path)
    assert len({one.pid for one in found}) == 2 and str(os.getpid()) not in {one.pid for one in found}
    assert {one.threads for one in found} == {("3",) * len(THREADS)}
    assert {one.devices for one in found} == {"-1"}, "nothing is pinned where there is nothing"


def test_more_workers_than_cores_have_one_thread_each(tmp_path, no_gpu, monkeypatch):
    have_cores(monkeypatch, 2)
    list(Processes(workers=3).run(specs(3), functools.partial(note, folder=tmp_path, workers=3), tmp_path))
    assert {one.threads for one in seen(tmp_path)} == {("1",) * len(THREADS)}


def test_each_worker_sees_one_device(tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, "0,1,2,3")
    assert gpu_names() == ["0", "1", "2", "3"]
    list(Processes(workers=2).run(specs(4), functools.partial(note, folder=tmp_path, workers=2), tmp_path))
    by_process = {one.pid: one.devices for one in seen(tmp_path)}
    assert sorted(by_process.values()) == ["0", "1"]


def test_without_a_number_there_is_a_worker_per_device(tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, "0,1,2")
    list(Processes(workers=None).run(specs(3), functools.partial(note, folder=tmp_path, workers=3), tmp_path))
    assert sorted(one.devices for one in seen(tmp_path)) == ["0", "1", "2"]


def test_on_four_devices_every_run_sees_one_and_what_replaces_a_dead_process_sees_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, "0,1,2,3")
    work = functools.partial(die, folder=tmp_path, workers=4)
    outcomes = list(Processes().run(specs(8), work, tmp_path))
    only_the_killed_run_is_lost(outcomes)
    found = seen(tmp_path)
    assert {one.devices for one in found} == {"0", "1", "2", "3"}
    assert all(len({one.devices for one in found if one.pid == pid}) == 1 for pid in {one.pid for one in found})


def test_a_killed_worker_costs_its_run_only(tmp_path, no_gpu):
    outcomes = list(Processes(workers=1).run(specs(3), functools.partial(die, folder=tmp_path), tmp_path))
    only_the_killed_run_is_lost(outcomes)
    assert len({one.pid for one in seen(tmp_path)}) == 2, "another process took its place"


def test_workers_end_with_the_command(tmp_path):
    code = (
        "import functools, pathlib, sys, worker_helpers as w; from pairreg.compute.processes import Processes\n"
        "folder = pathlib.Path(sys.argv[1]); work = functools.partial(w.slowly, folder=folder)\n"
        "if __name__ == '__main__':\n"
        "    runs = Processes(workers=1).run(w.specs(100), work, folder)\n"
        "    next(runs); sys.stdin.read()\n"
    )
    script = tmp_path / "command.py"
    script.write_text(code)
    noted = tmp_path / "noted"
    noted.mkdir()
    path = os.pathsep.join(["tests/helpers", os.environ.get("PYTHONPATH", "")])
    command = subprocess.Popen(
        [sys.executable, str(script), str(noted)],
        stdin=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path, VISIBLE: "-1"},
        cwd=Path(__file__).parents[2],
    )
    wait_for(lambda: bool(seen(noted)))
    (pid,) = {int(one.pid) for one in seen(noted)}
    os.kill(pid, signal.SIGINT)  # Ctrl-C reaches the whole group, and is for the command to answer
    count = len(seen(noted))
    wait_for(lambda: len(seen(noted)) > count + 1)
    command.kill()
    command.communicate()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), seconds=10)


def beside_others(spec: RunSpec, folder: Path, workers: int) -> RunOutcome:
    """The first run ends by itself; those after it wait until `workers` processes have taken part."""
    return note(spec, folder, 1 if not seen(folder) else workers)


def leave(spec: RunSpec, folder: Path, driver: Path, free: int, workers: int) -> RunOutcome:
    """A run as `beside_others`, which leaves `free` MB of the GPU, as the driver tells."""
    told = driver / f"free.{os.getpid()}"
    told.write_text(f"{free}\n")
    told.replace(driver / "free")  # at once: the driver may be asked meanwhile
    return beside_others(spec, folder, workers)


@pytest.fixture
def driver(monkeypatch, tmp_path_factory):
    """A machine with one GPU whose driver says what is free on it: 24000 MB."""
    folder = tmp_path_factory.mktemp("driver")
    (folder / "free").write_text("24000\n")
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nread free < {folder}/free; echo $free\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv(VISIBLE, "0")
    return folder


def test_more_processes_share_the_machine_once_a_first_run_has_shown_its_memory(tmp_path, no_gpu, monkeypatch):
    have_cores(monkeypatch, 2)
    work = functools.partial(beside_others, folder=tmp_path, workers=2)
    outcomes = list(Processes(workers=1, pack=True).run(specs(4), work, tmp_path))
    assert len(outcomes) == 4 and len({one.pid for one in seen(tmp_path)}) == 2


def test_a_gpu_is_shared_if_half_of_what_the_first_run_left_is_enough(tmp_path, driver, monkeypatch):
    have_cores(monkeypatch, 4)
    work = functools.partial(leave, folder=tmp_path, driver=driver, free=20000, workers=3)  # two fit beside the first
    assert len(list(Processes(pack=True).run(specs(6), work, tmp_path))) == 6
    assert {one.devices for one in seen(tmp_path)} == {"0"} and len({one.pid for one in seen(tmp_path)}) == 3
    assert room({"0": 24000.0}, taken=1.0) == 2 and room({"0": 24000.0}, taken=1e9) == 0
    assert room({"0": 24000.0, "1": 30000.0}, taken=1.0) == 2, "as many on each as on that with the least room"


def test_a_gpu_without_room_has_one_run_at_a_time(tmp_path, driver):
    work = functools.partial(leave, folder=tmp_path, driver=driver, free=11000, workers=1)
    assert len(list(Processes(pack=True).run(specs(4), work, tmp_path))) == 4
    assert len({one.pid for one in seen(tmp_path)}) == 1


def test_a_gpu_that_no_driver_tells_of_is_not_shared(tmp_path, driver):
    (driver / "nvidia-smi").unlink()
    work = functools.partial(note, folder=tmp_path)
    assert len(list(Processes(pack=True).run(specs(2), work, tmp_path))) == 2
    assert len({one.pid for one in seen(tmp_path)}) == 1


def test_what_fits_beside_a_first_run():
    assert [fitting(free=100.0, taken=taken) for taken in (50.0, 51.0, 25.0, 10.0)] == [1, 0, 2, 5]
    assert fitting(free=100.0, taken=0.0) == fitting(free=100.0, taken=-5.0) == 0, "nothing was measured"


@pytest.mark.parametrize(("memory_gb", "count"), [(0.05, 3), (50.0, 1)])
def test_a_process_that_has_grown_is_replaced(tmp_path, no_gpu, memory_gb, count):
    work = functools.partial(grow, folder=tmp_path)
    list(Processes(workers=1, memory_gb=memory_gb).run(specs(3), work, tmp_path))
    assert len({one.pid for one in seen(tmp_path)}) == count


def test_local_goes_on_in_another_process_once_this_one_has_grown(tmp_path, no_gpu):
    work = functools.partial(note, folder=tmp_path)
    list(Local(memory_gb=1000.0).run(specs(2), work, tmp_path))
    assert {one.pid for one in seen(tmp_path)} == {str(os.getpid())}
    list(Local(memory_gb=1e-6).run(specs(2), work, tmp_path))
    assert str(os.getpid()) not in {one.pid for one in seen(tmp_path)}


@pytest.mark.parametrize(("in_use", "is_here"), [(None, True), (4, True), (2, False)])
def test_local_has_another_process_for_a_number_of_threads_that_is_not_in_use_here(
    tmp_path, no_gpu, monkeypatch, in_use, is_here
):
    monkeypatch.setattr("pairreg.compute.local.threads_in_use", lambda: in_use)
    list(Local(memory_gb=1000.0).run(specs(2), functools.partial(note, folder=tmp_path), tmp_path))  # with 4
    assert ({one.pid for one in seen(tmp_path)} == {str(os.getpid())}) == is_here


def configured(folder: Path) -> list[dict]:
    """The configs of all complete runs."""
    return [json.loads(path.read_text())["config"] for path in sorted(folder.rglob("result.json"))]


KERAS = "{_target_: keras.optimizers.schedules.CosineDecay, initial_learning_rate: 0.1, decay_steps: 8}"
OWN = """
from dataclasses import dataclass
from pairreg.backend import tf
from pairreg.similarity.mse import MSE

HALF = tf.constant(0.5)

@dataclass(frozen=True, kw_only=True)
class Mine(MSE):
    pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("of", ["Keras", "the user"])
def test_threads_may_be_others_where_the_check_of_the_config_needs_tensorflow(pairreg, tmp_path, of):
    """The bits are those of a process that has done nothing but this run."""
    (tmp_path / "my_terms.py").write_text(OWN)
    option = tmp_path / "own/similarity/mine.yaml"
    option.parent.mkdir(parents=True)
    option.write_text("mine:\n  _target_: my_terms.Mine\n  weight: 1.0\n")
    own = ["--config-dir=own", "similarity=mine", "trusted_modules=[my_terms]"]
    given = [f"optimizer.learning_rate={KERAS}"] if of == "Keras" else own
    quick = ["preset=smoke", "transform=unet", "threads=8", "tracking=none", *given]
    for compute in ("local", "processes"):
        done = pairreg(*quick, f"compute={compute}", f"output_dir={compute}", cwd=tmp_path, PYTHONPATH=str(tmp_path))
        assert done.returncode == 0 and done.stderr == "", done.stderr
    here, beside = (only_run(tmp_path / compute) for compute in ("local", "processes"))
    assert (here / "displacement.nii.gz").read_bytes() == (beside / "displacement.nii.gz").read_bytes()
    assert [one["threads"] for one in configured(tmp_path)] == [8, 8]


@pytest.mark.slow
def test_a_search_over_threads_has_runs_with_each_number(pairreg, tmp_path):
    search = ["hydra/sweeper=pairreg_search", "hydra.sweeper.objectives={ssim: maximize}", "hydra.sweeper.trials=4"]
    free = ["threads=2,4", "regularizer.diffusion.weight=interval(1,3)", "hydra.sweeper.sampler=random"]
    quick = ["preset=smoke", "transform=displacement", "tracking=none", "-m"]
    done = pairreg(*quick, *search, *free, cwd=tmp_path)
    assert done.returncode == 0 and "Best of 4 complete trials" in done.stdout, done.stderr
    assert {one["threads"] for one in configured(tmp_path)} == {2, 4} and done.stderr == ""

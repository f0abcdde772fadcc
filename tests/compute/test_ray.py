"""Runs on a real Ray cluster of this machine, and what is said without one; `scripts/check_ray` installs Ray."""

import contextlib
import dataclasses
import functools
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_helpers import BIN
from pairreg.compute.base import THREADS
from pairreg.compute.ray import ANSWER, Ray, require_cluster
from pairreg.errors import InputError
from pairreg.runs.folder import is_over, run_folders, state
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from worker_helpers import LIMIT, die, note, only_the_killed_run_is_lost, seen, slowly, specs, wait_for

pytest.importorskip("ray", reason="no Ray")
TESTS = Path(__file__).parents[1]
START_UP = 3.0  # seconds, of a process beyond what it waits for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def ray_home() -> Iterator[Path]:
    """Where Ray keeps its clusters, apart from any other on this machine; short, since sockets lie in it."""
    home = Path(tempfile.mkdtemp(prefix="ray"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", str(home))
        patch.delenv("RAY_ADDRESS", raising=False)
        yield home
    shutil.rmtree(home)


class Cluster:
    """A head node that `ray start` keeps in the foreground: ending that process ends the cluster."""

    def __init__(self) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        options = ["--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2"]
        options += ["--include-dashboard=false", "--disable-usage-stats"]
        program = BIN / "ray"
        self.process = subprocess.Popen(
            [program, "start", *options],
            env=os.environ | {"PYTHONPATH": f"{TESTS / 'helpers'}"},  # where its workers find what they are to do
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < until, "the cluster does not start"

    def answers(self) -> bool:
        try:
            require_cluster(self.address)
        except InputError:
            return False
        return True

    def kill(self) -> None:
        """All of it at once, as when the machine of the head is switched off."""
        for pid in [*descendants(self.process.pid), self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def join(self, *before: str) -> subprocess.Popen[bytes]:
        """A second node, whose command line begins with `before`."""
        command = [*before, str(BIN / "ray"), "start", "--block", f"--address={self.address}", "--num-cpus=1"]
        return subprocess.Popen(
            [*command, "--disable-usage-stats"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


def descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [one for child in children for one in descendants(child)]


def refused(address: str, reason: str = "") -> None:
    """Asserts that there is one sentence in time instead of a cluster."""
    began = time.monotonic()
    with pytest.raises(InputError, match=f"compute.address should be a Ray cluster .*it is '{address}' .*{reason}"):
        next(iter(Ray(address=address).run(specs(1), note, Path())))
    assert time.monotonic() - began < ANSWER + START_UP


# `auto` finds every cluster of the machine: these come before the one that the tests below share.


def test_auto_without_a_cluster(ray_home):
    refused("auto", "Could not find any running Ray instance")


def test_a_cluster_that_has_died(ray_home):
    dead = Cluster()
    dead.end()
    refused(dead.address)
    refused("auto")


def test_a_cluster_that_dies_on_the_way_costs_what_is_not_complete_and_is_noticed(ray_home, tmp_path):
    dying = Cluster()
    runs = Ray(address=dying.address).run(specs(20), functools.partial(slowly, folder=tmp_path), tmp_path)
    assert next(runs).state == "done"
    dying.kill()
    began = time.monotonic()
    rest = list(runs)
    assert time.monotonic() - began < ANSWER + START_UP
    assert len(rest) == 19 and {one.state for one in rest} <= {"done", "failed"}
    assert str(rest[-1].error).startswith("the Ray cluster at ") and str(rest[-1].error).endswith(" is gone")


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("unshare") is None, reason="only root can hide a disk from a node")
def test_a_node_that_does_not_see_the_run_folder_is_refused(ray_home, tmp_path):
    import ray

    with contextlib.ExitStack() as ends:
        running = Cluster()
        ends.callback(running.end)
        hidden = f"mount -t tmpfs tmpfs {shlex.quote(str(tmp_path))} && exec"
        node = running.join("unshare", "--mount", "sh", "-c", f'{hidden} "$@"', "sh")
        ends.callback(node.wait, timeout=60)
        ends.callback(node.terminate)
        ray.init(address=running.address, log_to_driver=False, logging_level="error")
        try:
            wait_for(lambda: len(ray.nodes()) == 2)
        finally:
            ray.shutdown()
        with pytest.raises(InputError, match=f"node .* does not see {tmp_path}/s; use a disk that all nodes share"):
            next(iter(Ray(address=running.address).run(specs(1), note, tmp_path / "s")))
        assert not list((tmp_path / "s").iterdir())


def test_nobody_listens(ray_home):
    refused(f"127.0.0.1:{free_port()}")


def test_somebody_listens_who_never_answers(ray_home):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        refused(f"127.0.0.1:{silent.getsockname()[1]}", "no answer")


@pytest.fixture(scope="module")
def cluster(ray_home: Path) -> Iterator[Cluster]:
    running = Cluster()
    yield running
    running.end()


def test_a_task_has_the_threads_of_its_cpus_in_the_folder_of_the_command(cluster, tmp_path, monkeypatch):
    noted = tmp_path / "noted"
    noted.mkdir()
    monkeypatch.chdir(tmp_path)
    work = functools.partial(note, folder=noted)
    assert [o.state for o in Ray(address=cluster.address, cpus=2).run(specs(2), work, noted)] == ["done"] * 2
    assert {one.threads for one in seen(noted)} == {("2",) * len(THREADS)}
    assert {one.cwd for one in seen(noted)} == {str(tmp_path)}
    assert str(os.getpid()) not in {one.pid for one in seen(noted)}


@pytest.mark.parametrize(("threads", "fewest", "most"), [((4, 4, 4, 4, 4), 1, 2), ((2, 4, 2, 4, 2), 5, 5)])
def test_a_process_computes_many_runs_unless_they_differ_in_threads(cluster, tmp_path, threads, fewest, most):
    """The cluster has two cores; TensorFlow keeps the number of threads that a process has used."""
    tasks = [
        dataclasses.replace(spec, config={**spec.config, "threads": count})
        for spec, count in zip(specs(5), threads, strict=True)
    ]
    outcomes = list(Ray(address=cluster.address).run(tasks, functools.partial(note, folder=tmp_path), tmp_path))
    assert [one.state for one in outcomes] == ["done"] * 5
    assert fewest <= len({one.pid for one in seen(tmp_path)}) <= most


def test_a_killed_worker_costs_its_run_only(cluster, tmp_path):
    work = functools.partial(die, folder=tmp_path)
    only_the_killed_run_is_lost(list(Ray(address=cluster.address).run(specs(3), work, tmp_path)))


def cannot(spec: RunSpec) -> RunOutcome:
    raise ModuleNotFoundError("No module named 'nowhere'\non this node")


def test_a_task_that_cannot_be_done_there_costs_its_run_and_says_why(cluster, tmp_path):
    (outcome,) = Ray(address=cluster.address).run(specs(1), cannot, tmp_path)
    assert (outcome.state, outcome.error) == ("failed", "ModuleNotFoundError: No module named 'nowhere'")


@pytest.mark.parametrize("swept", ["similarity=mse,pcc,ssim", "threads=2,4,8"])
def test_a_study_by_the_command(cluster, tmp_path, swept):
    quick = ["preset=smoke", "transform=displacement", "schedule.scales=[8]", "schedule.iterations=[3]"]
    asked = [swept, "tracking=none", "compute=ray", f"compute.address={cluster.address}"]
    command = [sys.executable, "-m", "pairreg.cli.run", *quick, *asked, "study=cluster", "-m"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "3 runs" in done.stdout and len(run_folders(tmp_path / "runs" / "cluster")) == 3
    assert len(list(tmp_path.glob("runs/cluster/*/result.json"))) == 3


def test_ctrl_c_ends_the_command_with_its_tasks_and_the_same_command_goes_on(cluster, tmp_path):
    quick = ["preset=smoke", "transform=displacement", "schedule.scales=[8]", "schedule.iterations=[300]"]
    asked = ["similarity=mse,pcc,ssim", "tracking=none", "compute=ray", f"compute.address={cluster.address}"]
    command = [sys.executable, "-m", "pairreg.cli.run", *quick, *asked, "study=s", "-m"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        wait_for(lambda: list(tmp_path.glob("runs/s/*/run.log")))
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[1]
        assert time.monotonic() - began < LIMIT and running.returncode == 130
    assert said == "pairreg: interrupted; the same command goes on with what is missing.\n"
    begun = run_folders(tmp_path / "runs" / "s")
    wait_for(lambda: not any(state(run) == "running" for run in begun), seconds=10)
    assert not any(is_over(run) for run in begun) and not list(tmp_path.rglob("error.txt"))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and len(list(tmp_path.glob("runs/s/*/result.json"))) == 3, done.stderr

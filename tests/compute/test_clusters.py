"""What can be known of the clusters without one: `scripts/check_slurm` and `scripts/check_ray` have real ones."""

import functools
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import submitit

import pairreg
from pairreg.compute.base import THREADS, Worker
from pairreg.compute.slurm import Requeued, Slurm, _arrays, _Queue
from pairreg.compute.slurm_commands import in_queue, most_in_array
from worker_helpers import note, seen, specs


@pytest.mark.parametrize(("cpus", "threads"), [(4, "4"), (2.5, "2"), (0.5, "1")])
def test_a_worker_has_the_threads_of_its_cpus_in_the_folder_of_the_command(cpus, threads, tmp_path, monkeypatch):
    home = tmp_path / "home"
    noted = tmp_path / "noted"
    home.mkdir()
    noted.mkdir()
    for name in THREADS:
        monkeypatch.setenv(name, "7")
    monkeypatch.chdir(home)
    worker = Requeued(Worker(cpus), functools.partial(note, folder=noted))
    sent = pickle.dumps(worker)
    monkeypatch.chdir(tmp_path)  # where the scheduler starts its processes
    pickle.loads(sent)(specs(1)[0])
    (one,) = seen(noted)
    assert one.threads == (threads,) * len(THREADS) and one.cwd == str(home)


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pairreg.InputError, match="compute=slurm needs Slurm's sbatch"):
        next(iter(pairreg.build("compute/slurm").run(specs(1), functools.partial(note, folder=tmp_path), tmp_path)))


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Callable[[str, str], None]:
    """Puts a script in the place of a command of Slurm, none of which is left on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return put


def test_an_array_is_as_large_as_the_cluster_allows(slurm):
    slurm("scontrol", "echo 'MaxDBDMsgs              = 20004'; echo 'MaxArraySize            = 1001'")
    assert most_in_array() == 1001


def test_a_controller_that_is_gone_is_one_sentence(slurm):
    slurm("scontrol", "echo 'slurm_load_ctl_conf error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(
        pairreg.InputError, match=r"does not say how it is set up \(.*Unable to contact slurm controller"
    ):
        most_in_array()


@pytest.mark.parametrize(
    ("count", "most", "sizes", "at_once"),
    [(3, 1001, [3], 64), (2500, 1001, [1001, 1001, 498], 21), (5, 1, [1] * 5, 12), (100, 1, [1] * 100, 1)],
)
def test_more_runs_than_an_array_may_have_are_several_arrays(count, most, sizes, at_once):
    parts = list(_arrays(range(count), most, 64))
    assert [len(part) for part, _ in parts] == sizes and {n for _, n in parts} == {at_once}
    assert [task for part, _ in parts for task in part] == list(range(count))


class Job:
    def __init__(self, job_id: str, stdout: Path):
        self.job_id, self.state = job_id, "UNKNOWN"
        self.paths = type("Paths", (), {"stdout": stdout})

    def result(self) -> None:
        raise submitit.core.utils.UncompletedJobError("it has not produced any output")


def test_a_job_is_lost_once_two_looks_have_not_found_it_and_never_while_the_controller_is_silent(
    slurm, tmp_path, monkeypatch
):
    monkeypatch.setattr("pairreg.compute.slurm._LOOK", 0.0)
    here, gone = Job("7_0", tmp_path), Job("7_1", tmp_path)
    queue = _Queue()
    slurm("squeue", "echo 7_0")
    assert in_queue() == {"7_0"} and queue.lost([here, gone]) == set()
    slurm("squeue", "exit 1")
    assert in_queue() is None and queue.lost([here, gone]) == set()
    slurm("squeue", "echo 7_0")
    assert queue.lost([here, gone]) == {gone}


def test_a_job_without_a_result_has_died_or_has_never_seen_the_folder(tmp_path):
    printed = tmp_path / "out"
    (task,) = specs(1)
    with pytest.raises(pairreg.InputError, match=f"A node of this Slurm cluster does not see {tmp_path}: job 7_0"):
        Slurm().outcome(Job("7_0", printed), task, tmp_path)
    printed.write_text("")
    assert "its process died (Slurm job 7_0: UNKNOWN)" in str(
        Slurm().outcome(Job("7_0", printed), task, tmp_path).error
    )


def test_a_job_that_fails_by_an_error_or_whose_time_was_over_says_so(tmp_path):
    class Failed(Job):
        def result(self) -> None:
            line = "-" * 38
            message = (
                f"Job (task=0) failed during processing with trace:\n{line}\nTraceback\n{self.said}\n\n{line}\nlogs"
            )
            raise submitit.core.utils.FailedJobError(message)

    job = Failed("7_0", tmp_path)
    job.said = "ModuleNotFoundError: No module named 'pairreg'"
    assert Slurm().outcome(job, specs(1)[0], tmp_path).error == f"Slurm job 7_0: {job.said}"
    job.said = "submitit.core.utils.UncompletedJobError: Job not requeued because: timed-out too many times."
    error = Slurm(minutes=5).outcome(job, specs(1)[0], tmp_path).error
    assert error == "Slurm job 7_0: its time was over 4 times, 5 minutes each; give compute.minutes=N"


def test_one_that_takes_no_job_is_one_sentence(slurm, tmp_path):
    slurm("scontrol", "echo 'MaxArraySize            = 1001'")
    for name in ("sbatch", "srun"):
        slurm(name, "echo 'sbatch: error: no host' >&2; echo 'sbatch: fatal: no cluster' >&2; exit 1")
    with pytest.raises(pairreg.InputError, match=r"^Slurm refuses the runs \(sbatch: fatal: no cluster\); look at"):
        next(iter(pairreg.build("compute/slurm").run(specs(1), functools.partial(note, folder=tmp_path), tmp_path)))

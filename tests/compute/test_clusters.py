"""What can be known of the clusters without one: `scripts/check_slurm` and `scripts/check_ray` have real ones."""

import functools
import pickle

import pytest

import pairreg
from pairreg.compute.base import THREADS, Worker
from pairreg.compute.slurm import Requeued
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


def test_one_that_takes_no_job_is_one_sentence(tmp_path, monkeypatch):
    for name in ("sbatch", "srun"):
        program = tmp_path / name
        program.write_text(
            "#!/bin/sh\necho 'sbatch: error: no host' >&2\necho 'sbatch: fatal: no cluster' >&2\nexit 1\n"
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pairreg.InputError, match=r"^Slurm takes no runs here \(sbatch: fatal: no cluster\); look at"):
        next(iter(pairreg.build("compute/slurm").run(specs(1), functools.partial(note, folder=tmp_path), tmp_path)))

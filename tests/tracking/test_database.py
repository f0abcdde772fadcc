"""MLflow's SQLite database survives kills, damage and full disks."""

import os
import random
import resource
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from command_helpers import BIN, OF_COVERAGE, environment_without

PAIRREG = str(BIN / "pairreg")
QUICK = ("preset=smoke", "transform=displacement", "schedule.iterations=[2,2]")


def finished(folder: Path) -> int:
    """How many runs the index calls finished, the parent of the study among them; asserts that no other is RUNNING."""
    with sqlite3.connect(folder / "runs" / "mlflow.db") as index:
        states = [state for (state,) in index.execute("SELECT status FROM runs WHERE lifecycle_stage = 'active'")]
    assert "RUNNING" not in states
    return states.count("FINISHED")


def killed_at(seconds: float, folder: Path, number: int) -> None:
    command = subprocess.Popen(
        [PAIRREG, *QUICK], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(seconds)
    os.killpg(command.pid, number)
    command.wait()


def check_kills(seconds: list[float], pairreg, tmp_path: Path) -> None:
    """Each kill meets an output folder of its own, in which the same command then does what it should."""
    for i, at in enumerate(seconds):
        folder = tmp_path / f"{i}"
        folder.mkdir()
        killed_at(at, folder, [signal.SIGKILL, signal.SIGTERM, signal.SIGINT][i % 3])
        done = pairreg(*QUICK, cwd=folder)
        assert done.returncode == 0 and not done.stderr, (at, done.stderr)
        assert "does not answer" not in done.stdout and finished(folder) == 2
        left = {path.name for path in (folder / "runs").iterdir()} - {"mlflow.db", "mlartifacts", "default"}
        assert not {name for name in left if not name.startswith(".")}, left


@pytest.mark.slow
def test_kills_while_the_database_is_made(pairreg, tmp_path):
    check_kills([1.5, 2.2, 2.9], pairreg, tmp_path)


@pytest.mark.slow
def test_many_kills_while_the_database_is_made(pairreg, tmp_path):
    numbers = random.Random(0)
    check_kills([numbers.uniform(0.8, 5.0) for _ in range(8)], pairreg, tmp_path)


DAMAGE = {
    "half made": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 3],
    "something else": lambda content: b"notes\n" * 1000,
    "zeros": lambda content: content[:8192] + bytes(len(content) - 8192),
}


@pytest.fixture(scope="module")
def database(pairreg, tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("made")
    done = pairreg(*QUICK, cwd=folder)
    assert done.returncode == 0, done.stderr
    return (folder / "runs" / "mlflow.db").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*DAMAGE, "without a version", "in the midst of its migrations"])
def test_a_damaged_one_is_set_aside(kind, database, pairreg, tmp_path):
    path = tmp_path / "runs" / "mlflow.db"
    path.parent.mkdir()
    path.write_bytes(DAMAGE.get(kind, lambda content: content)(database))
    if kind not in DAMAGE:
        with sqlite3.connect(path) as index:
            index.execute("DELETE FROM runs")
            versionless = "version" in kind
            change = "DELETE FROM alembic_version" if versionless else "UPDATE alembic_version SET version_num = 'x'"
            index.execute(change)
    before = path.read_bytes()
    done = pairreg(*QUICK, cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    (aside,) = path.parent.glob("mlflow.db.damaged-*")
    assert aside.read_bytes() == before and done.stdout.count("was damaged or half made") == 1
    assert finished(tmp_path) == 2


@pytest.mark.slow
def test_a_whole_one_is_left_alone(database, pairreg, tmp_path):
    path = tmp_path / "runs" / "mlflow.db"
    path.parent.mkdir()
    path.write_bytes(database)
    assert pairreg(*QUICK, cwd=tmp_path).returncode == 0
    assert not list(path.parent.glob("mlflow.db.damaged-*")) and finished(tmp_path) == 2


@pytest.mark.parametrize("size", [0, 100_000])
def test_one_that_does_not_fit_is_a_sentence(size, tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    given = environment_without(*OF_COVERAGE)
    done = subprocess.run([PAIRREG, *QUICK], cwd=tmp_path, env=given, preexec_fn=limit, capture_output=True, text=True)
    assert done.returncode in (1, 2) and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr, done.stderr
    assert not list(tmp_path.rglob("*mlflow.db"))


@pytest.mark.slow
def test_curves_arrive_while_the_run_goes_on(tmp_path):
    arguments = ("transform=displacement", "schedule.iterations=[20,20,20,100000]", "schedule.tolerance=0")
    command = subprocess.Popen(
        [PAIRREG, *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until, counts = time.monotonic() + 60, set()
    while len(counts) < 4:  # the number of values in the index grows
        assert time.monotonic() < until and command.poll() is None, counts
        time.sleep(0.5)
        if (tmp_path / "runs" / "mlflow.db").exists():
            with sqlite3.connect(tmp_path / "runs" / "mlflow.db") as index:
                counts.add(index.execute("SELECT count(*) FROM metrics").fetchone()[0])
    command.kill()
    command.wait()

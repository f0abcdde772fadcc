"""MLflow's SQLite database survives kills, damage and full disks."""

import os
import resource
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from command_helpers import BIN, OF_COVERAGE, environment_without
from worker_helpers import wait_for

PAIRREG = str(BIN / "pairreg")
QUICK = ("preset=smoke", "transform=displacement", "schedule.iterations=[2,2]")


def finished(folder: Path) -> int:
    """How many runs the index calls finished, the parent of the study among them; asserts that no other is RUNNING."""
    with closing(sqlite3.connect(folder / "runs" / "mlflow.db")) as index:
        states = [state for (state,) in index.execute("SELECT status FROM runs WHERE lifecycle_stage = 'active'")]
    assert "RUNNING" not in states
    return states.count("FINISHED")


PART = ".*.mlflow.db"  # in the output folder, while the database is made: for two seconds


def killed(folder: Path, place: str, seconds: float, number: int) -> None:
    """Ends the command by a signal so many seconds after a file has come to `place` in the output folder."""
    command = subprocess.Popen(
        [PAIRREG, *QUICK], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for(lambda: command.poll() is not None or any(folder.glob(f"runs/{place}")))
    time.sleep(seconds)
    assert command.poll() is None
    os.killpg(command.pid, number)
    command.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "seconds", "number"),
    [
        (PART, 0.0, signal.SIGKILL),
        (PART, 0.3, signal.SIGTERM),
        (PART, 0.8, signal.SIGINT),
        (PART, 1.5, signal.SIGKILL),
        ("mlflow.db", 0.0, signal.SIGKILL),
    ],
)
def test_a_kill_while_the_database_is_made(place, seconds, number, pairreg, tmp_path):
    """The same command then does what it should."""
    killed(tmp_path, place, seconds, number)
    if (place, seconds) == (PART, 0.0):  # the later ones come behind it where the disk is fast
        assert any(tmp_path.glob(f"runs/{PART}")) and not (tmp_path / "runs" / "mlflow.db").exists()
    done = pairreg(*QUICK, cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert "does not answer" not in done.stdout and finished(tmp_path) == 2
    left = {path.name for path in (tmp_path / "runs").iterdir()} - {"mlflow.db", "mlartifacts", "default"}
    assert not {name for name in left if not name.startswith(".")}, left


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
        with closing(sqlite3.connect(path)) as index, index:
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
            with closing(sqlite3.connect(tmp_path / "runs" / "mlflow.db")) as index:
                counts.add(index.execute("SELECT count(*) FROM metrics").fetchone()[0])
    command.kill()
    command.wait()

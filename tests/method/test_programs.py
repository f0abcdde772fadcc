"""Programs as they are run: what becomes of them and their files if a run is stopped, and the memory that they took."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pairreg.errors import MethodError
from pairreg.method import guard
from pairreg.method.program import Ran, scratch
from worker_helpers import programs_in, wait_for

# One in a group of its own, as of `timeout`; the child of a child; and one in the foreground.
MANY = ["sh", "-c", "timeout 600 sleep 600 & sh -c 'sleep 600; true' & sleep 600; true"]
RUNS = """
import signal, sys
from pairreg.method.program import scratch

if sys.argv[1] == "deaf":  # as a worker is to Ctrl-C
    signal.signal(signal.SIGINT, signal.SIG_IGN)
with scratch() as place:
    if sys.argv[1] == "early":
        (place.folder / "image").write_bytes(b"0")
        print(flush=True)
        signal.pause()
    place.run(sys.argv[2:], {})
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, of this process and those that it starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@contextmanager
def begun(how: str, *command: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that runs a program, as in a run; it is killed after the block."""
    whole, quiet = [sys.executable, "-c", RUNS, how, *command], subprocess.DEVNULL
    with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("how", "number"), [("hears", signal.SIGINT), ("hears", signal.SIGTERM), ("deaf", signal.SIGKILL)]
)
def test_a_program_and_its_files_go_with_the_process_that_runs_it(how, number, temporary):
    with begun(how, *MANY) as process:
        wait_for(lambda: list(programs_in(temporary).values()).count("sleep") == 3)
        (scratch_folder,) = temporary.iterdir()
        (scratch_folder / "deep").mkdir()
        (scratch_folder / "deep" / "left").write_text("x")
        process.send_signal(number)
        process.wait(timeout=5)
        wait_for(lambda: not programs_in(temporary) and not list(temporary.iterdir()), seconds=30)


def test_the_folder_also_goes_while_no_program_runs(temporary):
    """While images are written, or a transform is read."""
    with begun("early") as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert len(list(temporary.glob("*/image"))) == 1
        process.kill()
        process.wait()
        wait_for(lambda: not list(temporary.iterdir()), seconds=30)


def test_what_a_program_leaves_running_ends_with_the_registration(temporary):
    with scratch() as place:
        place.run(["sh", "-c", "sleep 600 >/dev/null & timeout 600 sleep 600 & true"], {})
        # The shell is over; the second of its children may only be about to start its own.
        wait_for(lambda: list(programs_in(temporary).values()).count("sleep") == 2)
    wait_for(lambda: not programs_in(temporary), seconds=30)
    assert not list(temporary.iterdir())


def test_how_it_ended_is_told(temporary):
    for command, said in (("echo why; exit 3", r"sh ended with 3 \(why\)"), ("kill -9 $$", "sh ended with -9")):
        with scratch() as place, pytest.raises(MethodError, match=said):
            place.run(["sh", "-c", command], {})
    assert not list(temporary.iterdir())


def test_a_session_has_its_members_and_no_others():
    leader = subprocess.Popen(["sh", "-c", "sleep 600 & timeout 600 sleep 600"], start_new_session=True)
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        wait_for(lambda: len(guard.members(leader.pid)) == 4)
        assert guard.members(other.pid) == {other.pid} and os.getpid() not in guard.members(leader.pid)
        guard.end(leader.pid)
        assert leader.wait(timeout=5) == -signal.SIGKILL
        wait_for(lambda: not guard.members(leader.pid), seconds=30)
        assert other.poll() is None
    finally:
        guard.end(leader.pid)
        other.kill()
        other.wait()


HOLD = "held = bytearray((1,)) * ({0} << 20); import time; time.sleep(0.6)"  # MB


def ran(command: str) -> Ran:
    with scratch() as place:
        return place.run(["sh", "-c", command], {})


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
def test_the_memory_is_that_of_all_its_processes():
    def held(megabytes: int) -> str:
        return f'{sys.executable} -I -S -c "{HOLD.format(megabytes)}"'

    bare = ran(f"exec {held(0)}").peak_memory_mb
    assert 3 < bare < 60
    cases = {
        f"exec {held(300)}": 300 + bare,
        f"{held(300)} && true": 300 + bare,
        f"{held(100)} && {held(300)} && {held(200)}": 300 + bare,  # one after the other
        f"{held(300)} & {held(200)} & wait": 500 + 2 * bare,  # at a time
        f"timeout 60 sh -c '{held(300)}; true'": 300 + bare,
    }
    for command, expected in cases.items():
        assert ran(command).peak_memory_mb == pytest.approx(expected, abs=12), command


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
def test_a_process_that_starts_others_is_not_counted_twice():
    """Until it is another program, a process that is started has the memory of the one that starts it."""
    starts = (
        "import os, time; held = bytearray((1,)) * (200 << 20); end = time.monotonic() + 1\n"
        "while time.monotonic() < end: os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)"
    )
    with scratch() as place:
        took = place.run([sys.executable, "-I", "-S", "-c", starts], {})
    assert 200 < took.peak_memory_mb < 240

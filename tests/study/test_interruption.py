"""Ctrl-C and SIGTERM end every process within five seconds, by one sentence at most, and nothing is lost."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from command_helpers import BIN, OF_COVERAGE, environment_without
from pairreg import interruption
from worker_helpers import LIMIT, programs_in, wait_for

PAIRREG = str(BIN / "pairreg")
LONG = ("transform=displacement", "schedule.iterations=[20,20,20,100000]", "schedule.tolerance=0", "tracking=none")
COMPUTES = {"local": (), "processes": ("compute=processes", "compute.workers=2", "seed=0,1,2", "-m")}
SAID = "pairreg: interrupted; the same command goes on with what is missing."
# Without the tests' coverage: it hears SIGTERM itself, and its line in site-packages swallows one while it imports.
NOT_MEASURED = environment_without(*OF_COVERAGE)


def interrupted(
    command: list[str], folder: Path, number: int, ready: Callable[[int], bool], **environment: str
) -> tuple[int, list[str]]:
    """Asserts that the signal, sent once the process is `ready`, ends it and its children in time; what it answers."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=NOT_MEASURED | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            wait_for(lambda: running.poll() is not None or ready(running.pid))
            began = time.monotonic()
            running.send_signal(number)
            said = of_ours(running.communicate(timeout=30)[1])
            assert time.monotonic() - began < LIMIT
            wait_for(lambda: not alive(running.pid), seconds=LIMIT)
            return running.returncode, said
        finally:  # what does not end must not meet the next test
            if alive(running.pid):
                os.killpg(running.pid, signal.SIGKILL)


def of_ours(said: str) -> list[str]:
    """The lines without those of Python's tracker of semaphores, a process of its own, which may notice a death."""
    return [line for line in said.splitlines() if "resource_tracker" not in line and "warnings.warn" not in line]


def listens(pid: int) -> bool:
    """Whether a command hears signals: it catches SIGTERM last, and Python itself does not."""
    caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert caught is not None
    return bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("compute", COMPUTES)
def test_runs_in_the_midst_of_iterations(compute, number, tmp_path):
    command = [PAIRREG, *LONG, *COMPUTES[compute], "output_dir=runs"]
    wanted = 2 if compute == "processes" else 1

    def can_go_on(*_: int) -> bool:
        return len(list(tmp_path.glob("runs/*/*/checkpoint"))) == wanted

    assert interrupted(command, tmp_path, number, can_go_on) == (130, [SAID])
    assert not list(tmp_path.rglob("error.txt")) and can_go_on()


@pytest.mark.parametrize(
    ("compute", "number"),
    [
        ("local", signal.SIGINT),
        ("processes", signal.SIGINT),
        *(pytest.param(compute, signal.SIGTERM, marks=pytest.mark.slow) for compute in COMPUTES),
    ],
)
def test_programs_of_others_with_all_that_they_have_started(compute, number, tmp_path):
    """One that starts others in groups of their own, and is in a worker that does not hear Ctrl-C."""
    (tmp_path / "temporary").mkdir()
    program = 'method.command=sh -c "timeout 600 sleep 600 & sleep 600; true {fixed} {seed}"'
    command = [PAIRREG, "method=command", program, "tracking=none", *COMPUTES[compute], "output_dir=runs"]
    count = 2 if compute == "processes" else 1

    def running() -> list[str]:
        return [name for name in programs_in(tmp_path / "temporary").values() if name == "sleep"]

    there = {"TMPDIR": str(tmp_path / "temporary")}
    answer = interrupted(command, tmp_path, number, lambda _: len(running()) == 2 * count, **there)
    assert answer == (130, [SAID])
    wait_for(lambda: not programs_in(tmp_path / "temporary"), seconds=30)
    wait_for(lambda: not list((tmp_path / "temporary").glob("pairreg_method_*")), seconds=30)
    assert not list(tmp_path.rglob("error.txt"))


@pytest.mark.parametrize("seconds", [0, 0.3, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("compute", COMPUTES)
def test_at_any_moment_since_the_command_listens(compute, seconds, tmp_path):
    def ready(pid: int) -> bool:
        if not listens(pid):
            return False
        time.sleep(seconds)
        return True

    command = [PAIRREG, *LONG, *COMPUTES[compute], "output_dir=runs"]
    number = signal.SIGTERM if seconds == 0.6 else signal.SIGINT
    assert interrupted(command, tmp_path, number, ready) == (130, [SAID])


def test_before_the_command_listens_its_end_is_that_of_the_interpreter(tmp_path):
    """While Python itself starts, it may say what it likes; once our imports begin, nothing is said."""
    began = time.monotonic()
    command = [PAIRREG, *LONG, "output_dir=runs"]
    code, _ = interrupted(command, tmp_path, signal.SIGINT, lambda _: time.monotonic() > began + 0.1)
    assert code != 0 and not list(tmp_path.iterdir())
    imports = [sys.executable, "-c", "import pairreg.cli, signal; signal.raise_signal(signal.SIGINT)"]
    done = subprocess.run(imports, env=NOT_MEASURED, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


AT_EACH_LINE = """
import os, signal, sys
from pairreg.cli import run

folder, argument = sys.argv[1:]
lines = 0

def trace(frame, event, value):
    global lines
    if frame.f_globals.get("__name__") not in ("pairreg.cli.run", "pairreg.cli.plugins", "pairreg.cli.surroundings"):
        return None
    if event == "line" and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        lines += 1
        if lines >= at:  # and once more at every later line, as by somebody who does not wait
            signal.raise_signal(signal.SIGTERM)
    return trace

for at in range(1, 1000):
    child = os.fork()  # of a process that has imported the command
    if child == 0:
        signal.alarm(60)  # the end of one that hangs
        for number, name in ((1, os.devnull), (2, f"{folder}/{at}")):
            os.dup2(os.open(name, os.O_CREAT | os.O_WRONLY), number)
        sys.settrace(trace)
        run.execute([argument])
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
    if code != 130:
        break
"""


@pytest.mark.slow
def test_at_every_line_of_the_command_that_hears_signals(tmp_path):
    """From the first to the last: of a command whose input is wrong, and which has said so before some of them."""
    command = [sys.executable, "-c", AT_EACH_LINE, str(tmp_path), "seed=many"]
    done = subprocess.run(command, cwd=tmp_path, env=NOT_MEASURED, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    *codes, last = [int(code) for code in done.stdout.split()]
    *texts, error = [(tmp_path / str(line)).read_text() for line in range(1, len(codes) + 2)]
    assert last == 2, (len(codes) + 1, last, error)
    assert len(codes) >= 20 and all(text.endswith(f"{SAID}\n") for text in texts), texts


def test_a_library_that_does_not_return_is_not_waited_for(tmp_path):
    assert interruption.PATIENCE < 5, "what src/README.md promises"
    script = """
import ctypes, sys
from pairreg import interruption

interruption.PATIENCE = 0.5
interruption.listen(late=lambda: print("late", file=sys.stderr, flush=True))
while True:
    try:
        print("ready", flush=True)
        ctypes.CDLL(None).usleep(900_000)  # does not let the exception out, as some libraries
    except KeyboardInterrupt:
        pass
"""
    running = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    first = running.stdout.readline()
    running.send_signal(signal.SIGINT)
    errors = running.communicate(timeout=20)[1]
    assert first == "ready\n" and "late" in errors, errors
    assert running.returncode == interruption.EXIT_CODE


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_its_error(tmp_path):
    """As by a system that is out of memory: its run has error.txt and is failed, the others are complete."""
    arguments = ("transform=displacement", "preset=smoke", "tracking=none", "seed=0,1", "-m")
    more = ("schedule.iterations=[20,6000]", "compute=processes", "compute.workers=1", "output_dir=runs")
    command = [PAIRREG, *arguments, *more]
    given = environment_without(*OF_COVERAGE)
    running = subprocess.Popen(
        command, cwd=tmp_path, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: len(list(tmp_path.glob("runs/*/*/checkpoint"))) == 1)
    children = Path(f"/proc/{running.pid}/task").glob("*/children")
    pids = [int(pid) for file in children for pid in file.read_text().split()]
    worker = next(pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(worker, signal.SIGKILL)
    out, err = running.communicate(timeout=120)
    said = of_ours(err)
    assert running.returncode == 1 and len(said) == 1 and "its process died" in said[0], err
    (error,) = tmp_path.rglob("error.txt")
    assert "its process died" in error.read_text() and "To repeat it" in error.read_text()
    assert len(list(tmp_path.rglob("result.json"))) == 1 and "failed" in out
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 0 and len(list(tmp_path.rglob("result.json"))) == 2
    assert not list(tmp_path.rglob("error.txt"))

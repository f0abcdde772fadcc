"""What holds for every command of the package, including those to come."""

import errno
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from command_helpers import BIN, installed
from worker_helpers import wait_for

SCRIPTS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]
HEAVY = ("tensorflow", "keras", "SimpleITK", "mlflow", "matplotlib", "scipy", "skimage", "optuna", "h5py")
ALLOWED = {"pairreg": {"SimpleITK", "h5py"}}  # the checks of a config name the parts, some of which load them: 0.1 s
HELP = """
import importlib, sys
module, function = sys.argv.pop(1).split(":")
try:
    getattr(importlib.import_module(module), function)()
finally:
    print(*(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("command", SCRIPTS)
def test_help_is_an_answer(command, tmp_path):
    done = installed(command)("--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and command in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_call_that_cannot_be_is_one_sentence(command, tmp_path):
    done = installed(command)("--no-such-option", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    if command != "pairreg":  # whose arguments Hydra reads
        assert done.stderr.startswith(f"{command}: ") and len(done.stderr.splitlines()) == 1
        assert f"{command} --help shows how to call it." in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", SCRIPTS)
def test_help_loads_nothing_that_takes_long(command, tmp_path):
    code = HELP.format(heavy=HEAVY)
    arguments = [sys.executable, "-c", code, SCRIPTS[command], "--help"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout, done.stderr
    assert set(done.stderr.split()) == ALLOWED.get(command, set())


def test_an_interruption_is_a_sentence(tmp_path):
    manifest = tmp_path / "manifest.csv"
    os.mkfifo(manifest)
    program = BIN / "pairreg-pack"
    command = subprocess.Popen([program, manifest, tmp_path / "o.h5"], stderr=subprocess.PIPE, text=True)
    writers: list[int] = []

    def is_read() -> bool:
        assert command.poll() is None, command.communicate()[1]
        try:
            writers.append(os.open(manifest, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            assert error.errno == errno.ENXIO  # not yet
        return bool(writers)

    try:
        wait_for(is_read)  # the command now waits for what we write
        command.send_signal(signal.SIGINT)
        said = command.communicate(timeout=60)[1]
    finally:
        command.kill()
        for writer in writers:
            os.close(writer)
    assert (command.returncode, said) == (130, "pairreg-pack: interrupted; no file is half written.\n")
    assert list(tmp_path.iterdir()) == [manifest]

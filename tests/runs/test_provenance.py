import os
import shlex
import subprocess
import sys

import numpy
import tensorflow as tf

from pairreg.backend import configure
from pairreg.devices import VISIBLE
from pairreg.runs import provenance


def test_the_commit_is_that_of_the_code_and_not_of_a_repository_around_it(tmp_path, monkeypatch):
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=e")
        done = subprocess.run(
            ["git", "-C", tmp_path, *identity, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    installed = tmp_path / "provenance.py"
    installed.write_text("")
    monkeypatch.setattr(provenance, "__file__", str(installed))
    assert provenance.git_state() == {}
    git("init", "-q")
    (tmp_path / "other").write_text("")
    git("add", "other")
    git("commit", "-qm", "other")
    assert provenance.git_state() == {}
    git("add", "provenance.py")
    git("commit", "-qm", "code")
    assert provenance.git_state() == {"git_commit": git("rev-parse", "HEAD"), "git_dirty": "false"}
    installed.write_text("changed")
    assert provenance.git_state()["git_dirty"] == "true"


def test_the_facts_are_those_of_this_process():
    facts = provenance.provenance()
    assert facts["version/numpy"] == numpy.__version__ and facts["version/tensorflow"] == tf.__version__
    assert facts["version/python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["cores"] == str(os.cpu_count())
    assert (facts["device"] == "CPU") == (not tf.config.list_physical_devices("GPU"))
    command = shlex.split(facts["command"])
    assert command[0] == os.path.basename(sys.argv[0]) and command[1:] == sys.argv[1:]
    assert all(isinstance(value, str) for value in facts.values())


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state() == {}


def test_a_gpu_is_named_by_what_its_driver_says(tmp_path, monkeypatch):
    """TensorFlow's part is given, as there is no GPU here; the driver is a program."""
    configure()
    driver = tmp_path / "nvidia-smi"
    rows = ("0, GPU-a, Tesla T4, 15360, 550.54, 7.5", "1, GPU-b, NVIDIA H100, 81559, 550.54, 9.0")
    driver.write_text("#!/bin/sh\n" + "".join(f"echo '{row}'\n" for row in rows))
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VISIBLE, raising=False)
    details = {"device_name": "NVIDIA H100", "compute_capability": (9, 0)}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: details)
    assert provenance.provenance()["device"] == "NVIDIA H100, 81559 MB, driver 550.54, compute capability 9.0"
    details["device_name"] = "of another maker"
    assert provenance.provenance()["device"] == "of another maker"

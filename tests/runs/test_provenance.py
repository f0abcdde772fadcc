import os
import shlex
import subprocess
import sys

import numpy
import tensorflow as tf

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
    assert facts["device"] == ("GPU" if tf.config.list_physical_devices("GPU") else "CPU")
    command = shlex.split(facts["command"])
    assert command[0] == os.path.basename(sys.argv[0]) and command[1:] == sys.argv[1:]
    assert all(isinstance(value, str) for value in facts.values())


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state() == {}

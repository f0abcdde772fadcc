"""Locks that are deleted after use; the others are tested where they are held, see `test_trust` and `runs`."""

import subprocess
import sys
import threading

import pytest

from pairreg.locks import is_held, passing_lock

HOLDER = """
import sys
from pathlib import Path
from pairreg.locks import passing_lock
with passing_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_passing_lock_lets_one_in_and_is_gone_afterwards(tmp_path):
    path, inside, most = tmp_path / ".x.lock", [], []

    def work():
        for _ in range(200):
            with passing_lock(path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 800 and max(most) == 1
    assert not list(tmp_path.iterdir())


def test_a_passing_lock_is_gone_after_an_error_and_outlives_no_process(tmp_path):
    path = tmp_path / ".x.lock"
    with pytest.raises(ZeroDivisionError), passing_lock(path):
        raise ZeroDivisionError
    assert not path.exists()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n" and is_held(path)
        holder.kill()
    assert path.exists() and not is_held(path)
    with passing_lock(path):
        assert is_held(path)
    assert not path.exists()

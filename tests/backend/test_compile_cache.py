"""Compiled code is kept for later processes, and changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

from pairreg.backend.compile_cache import MOST
from pairreg.files import drop_oldest

SCRIPT = """
import hashlib, pairreg
pair = pairreg.build("pair/phantom_2d", size=[48, 36], spacing=8.0)
levels = pairreg.build("schedule/coarse_to_fine", scales=[2], iterations=[5])
result = pairreg.register(pair, transform="displacement", initialization="none", schedule=levels)
print(hashlib.sha256(result.field.tobytes()).hexdigest())
"""


def bits(cache: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "TF_XLA_FLAGS"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment | {"XDG_CACHE_HOME": str(cache)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_bits_are_the_same_without_a_cache_with_a_new_one_and_with_an_old_one(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = bits(kept)
    files = {file: file.stat().st_mtime_ns for file in kept.rglob("*.pb")}
    assert files
    assert bits(kept) == first
    assert {file: file.stat().st_mtime_ns for file in kept.rglob("*.pb")} == files  # read, not written again
    (tmp_path / "file").touch()
    assert bits(tmp_path / "file") == first  # a cache that cannot be written


def test_only_the_newest_half_of_a_full_cache_stays(tmp_path: Path) -> None:
    for age in range(MOST + 1):
        file = tmp_path / f"{age}.pb"
        file.touch()
        os.utime(file, (-age, -age))
    drop_oldest(tmp_path, MOST)
    assert {file.name for file in tmp_path.iterdir()} == {f"{age}.pb" for age in range(MOST // 2)}


def test_a_file_that_another_process_drops_meanwhile_counts_as_the_oldest(tmp_path: Path) -> None:
    (tmp_path / "vanished.pb").symlink_to(tmp_path / "nowhere")  # listed, but its time cannot be read
    for number in range(MOST):
        (tmp_path / f"{number}.pb").touch()
    drop_oldest(tmp_path, MOST)
    left = list(tmp_path.iterdir())
    assert len(left) == MOST // 2 and tmp_path / "vanished.pb" not in left

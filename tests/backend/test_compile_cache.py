"""Compiled code is kept for later processes, and changes nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command_helpers import Command, only_run
from pairreg.backend import compile_cache
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


@pytest.mark.slow
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


def test_what_other_processes_write_or_drop_meanwhile_is_left_alone(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = compile_cache.compile_cache_folder()
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    vanished = folder / "vanished.pb"
    vanished.symlink_to(tmp_path / "nowhere")  # listed, but it cannot be read
    written, old, cut = (folder / name for name in ("a.pbhost-1.tmp", "b.pbhost-2.tmp", "c.pb"))
    for file in (written, old, cut):
        file.touch()
    os.utime(old, (0, 0))
    compile_cache.use_compile_cache()
    assert set(folder.iterdir()) == {vanished, written} and not caplog.text
    assert str(folder) in os.environ.pop("TF_XLA_FLAGS")


QUICK = ("preset=smoke", "transform=displacement", "tracking=none")
DAMAGE = {
    "cut off": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "text": lambda content: b"something else\n",
    "a byte is missing": lambda content: content[:-1],
    "other bytes": lambda content: content[:3000] + bytes(b ^ 0x55 for b in content[3000:3200]) + content[3200:],
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, pairreg: Command) -> tuple[Path, bytes]:
    """A cache that a run has filled, and the displacement of that run."""
    folder = tmp_path_factory.mktemp("filled")
    done = pairreg(*QUICK, cwd=folder, XDG_CACHE_HOME=str(folder / "cache"))
    assert done.returncode == 0, done.stderr
    return folder / "cache", (only_run(folder) / "displacement.nii.gz").read_bytes()


def damaged(cache: Path, copy: Path, kind: str, step: int = 1) -> list[Path]:
    """Copy a cache, damage one in `step` of its files, and return these."""
    shutil.copytree(cache, copy)
    files = sorted(copy.rglob("*.pb"))[::step]
    assert files
    for file in files:
        file.write_bytes(DAMAGE[kind](file.read_bytes()))
    return files


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in DAMAGE if kind != "other bytes"])
def test_files_that_are_not_whole_are_deleted_and_no_others(kind, filled, tmp_path, monkeypatch):
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bad = damaged(filled[0], tmp_path / "cache", kind, step=2)
    whole = set((tmp_path / "cache").rglob("*.pb")) - set(bad)
    compile_cache.use_compile_cache()
    assert str(tmp_path / "cache") in os.environ.pop("TF_XLA_FLAGS")
    assert set((tmp_path / "cache").rglob("*.pb")) == whole != set()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cut off", "other bytes"])
def test_a_damaged_cache_costs_no_run(kind: str, filled: tuple[Path, bytes], pairreg: Command, tmp_path: Path) -> None:
    """One whose files are deleted before TensorFlow reads them, and one that it reads."""
    cache, expected = filled
    damaged(cache, tmp_path / "cache", kind)
    done = pairreg(*QUICK, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert (only_run(tmp_path) / "displacement.nii.gz").read_bytes() == expected
    if kind == "other bytes":
        assert "the compiled code kept on disk was deleted" in done.stdout


def test_a_cache_that_cannot_be_trusted_is_left_out_with_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = compile_cache.compile_cache_folder()

    def refused(reason: str) -> None:
        caplog.clear()
        compile_cache.use_compile_cache()
        assert caplog.text.count("\n") == 1 and str(folder) in caplog.text and reason in caplog.text
        assert "TF_XLA_FLAGS" not in os.environ

    folder.mkdir(parents=True)
    folder.parent.chmod(0o777)
    refused("others may write to it, mode 777")
    folder.parent.chmod(0o700)
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    refused("it is a link")
    folder.unlink()
    folder.touch()
    refused("File exists")
    folder.unlink()
    monkeypatch.setattr(compile_cache, "_ROOM", 1 << 60)
    refused("MB are free on its disk")
    monkeypatch.setattr(compile_cache, "_ROOM", 1)
    if os.getuid() == 0:
        os.chown(folder, 12345, 12345)
        refused("it belongs to user 12345")


def test_a_setting_of_the_user_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compile_cache.use_compile_cache()
    assert os.environ["TF_XLA_FLAGS"] == "--mine" and not list(tmp_path.iterdir())

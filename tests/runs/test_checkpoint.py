"""The file of a checkpoint."""

import json

import numpy as np
import pytest

from pairreg.optimization.checkpoint import Checkpoint
from pairreg.optimizer.base import Paused
from pairreg.runs.checkpoint import RunCheckpoints
from pairreg.runs.folder import CHECKPOINT

GRID = np.random.default_rng(0).normal(size=(5, 6, 2)).astype(np.float32)
ROWS = np.array([[0.5, np.inf, 1e-300, 1.0], [0.25, -0.0, 3.0, 2.0]])
PAUSED = Paused(17, [np.int64(17), GRID / 3, np.float32(0.1)])


@pytest.mark.parametrize("paused", [None, PAUSED])
def test_it_comes_back_bit_for_bit(paused, tmp_path):
    RunCheckpoints(tmp_path).save(Checkpoint(2, [GRID, 2 * GRID], paused, ROWS, 12.5))
    found = RunCheckpoints(tmp_path).load()
    assert found is not None and (found.level, found.seconds) == (2, 12.5)
    np.testing.assert_array_equal(found.rows, ROWS)
    np.testing.assert_array_equal(found.parameters, [GRID, 2 * GRID])
    assert (found.paused is None) == (paused is None)
    if paused is not None:
        assert found.paused.iterations == 17
        for got, wanted in zip(found.paused.arrays, paused.arrays, strict=True):
            assert got.dtype == wanted.dtype and got == pytest.approx(wanted, abs=0)


def test_without_a_file_a_run_begins_anew(tmp_path, caplog):
    assert RunCheckpoints(tmp_path).load() is None and not caplog.text


def test_a_damaged_one_is_a_warning(tmp_path, caplog):
    kept = RunCheckpoints(tmp_path)
    kept.save(Checkpoint(1, [GRID], PAUSED, ROWS, 1.0))
    whole = (tmp_path / CHECKPOINT).read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    broken = [whole[:n] for n in range(0, len(whole), 97)] + [bytes(flipped), b"PK\x03\x04", whole[100:], b"\0" * 500]
    for content in broken:
        caplog.clear()
        (tmp_path / CHECKPOINT).write_bytes(content)
        assert kept.load() is None
        assert "is damaged" in caplog.text and "begins anew" in caplog.text


def test_one_of_another_version_is_not_used(tmp_path, caplog, monkeypatch):
    RunCheckpoints(tmp_path).save(Checkpoint(1, [GRID], None, ROWS, 1.0))
    monkeypatch.setattr("pairreg.runs.checkpoint._code", lambda: json.dumps("another"))
    assert RunCheckpoints(tmp_path).load() is None
    assert "another version of the code" in caplog.text


@pytest.mark.parametrize(("pause_after", "is_used"), [(None, True), (3, True), (2, True), (1, False)])
def test_one_beyond_the_level_to_pause_at_is_not_used(pause_after, is_used, tmp_path, caplog):
    RunCheckpoints(tmp_path).save(Checkpoint(2, [GRID], None, ROWS, 1.0))
    assert (RunCheckpoints(tmp_path, pause_after).load() is not None) == is_used
    assert ("begins anew" in caplog.text) != is_used


def test_one_that_cannot_be_written_is_one_warning(tmp_path, caplog):
    kept = RunCheckpoints(tmp_path / "missing")
    for _ in range(3):
        kept.save(Checkpoint(1, [GRID], None, ROWS, 1.0))
    assert caplog.text.count("cannot be written (No such file or directory)") == 1

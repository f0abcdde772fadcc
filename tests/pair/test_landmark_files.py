import json
from pathlib import Path

import numpy as np
import pytest

from pair_helpers import SHARED, refused
from pairreg.pair.landmarks import read_landmarks

POINTS = [[1.0, 2.5, -3.0], [4.0, 5.0, 6.0]]


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "x,y,z\n1,2.5,-3\n4,5,6\n"),
        ("a.csv", "\ufeffname, X, Y, Z\nfirst, 1, 2.5, -3\nsecond, 4, 5, 6\n\n"),
        ("a.csv", "1,2.5,-3\n4,5,6"),
        ("a.json", json.dumps(POINTS)),
        ("a.json", json.dumps({"space": "LPS", "fixed": POINTS, "moving": POINTS})),
    ],
)
def test_layouts(tmp_path: Path, name: str, content: str) -> None:
    path = text(tmp_path / name, content)
    for points in read_landmarks(path, str(path), 3):
        np.testing.assert_array_equal(points, POINTS)


def test_one_file_for_both_images() -> None:
    path = SHARED / "ct_lung_baseline_followup" / "landmarks.json"
    if not path.exists():
        pytest.skip("shared data are absent")
    fixed, moving = read_landmarks(path, path, 3)
    assert np.linalg.norm(fixed - moving, axis=1).mean() == pytest.approx(34.856, abs=1e-3)


def test_2d(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "x,y\n1,2\n")
    assert read_landmarks(path, path, 2)[0].shape == (1, 2)
    assert "2 coordinates" in refused(path, read_landmarks, path, path, 3)


def test_counts_differ(tmp_path: Path) -> None:
    one, two = text(tmp_path / "1.csv", "1,2\n"), text(tmp_path / "2.csv", "1,2\n3,4\n")
    message = refused(one, read_landmarks, one, two, 2)
    assert "1 fixed" in message and "2 moving" in message


def test_one_without_the_other(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "1,2\n")
    assert "moving_landmarks" in refused(path, read_landmarks, path, None, 2)
    assert "fixed_landmarks" in refused(path, read_landmarks, None, path, 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", ""),
        ("a.csv", "a,b\n1,2\n"),
        ("a.csv", "x,y\n1,\n"),
        ("a.csv", "1,2\n3\n"),
        ("a.csv", "1,nan\n"),
        ("a.csv", "x;y\n1;2\n"),
        ("a.json", "{"),
        ("a.json", "[]"),
        ("a.json", "[1, 2]"),
        ("a.json", '[{"x": 1, "y": 2}]'),
        ("a.json", '{"points": [[1, 2]]}'),
        ("a.bin.csv", "\x00\x01"),
    ],
)
def test_unusable(tmp_path: Path, name: str, content: str) -> None:
    path = text(tmp_path / name, content)
    refused(path, read_landmarks, path, path, 2)


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "no.csv", read_landmarks, tmp_path / "no.csv", tmp_path / "no.csv", 2)

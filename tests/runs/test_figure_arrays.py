"""What figures show comes back from the file, labels exactly and images to the precision of a screen."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from pairreg.runs.figure_arrays import FigureArrays, read_label_names

RNG = np.random.default_rng(0)
IMAGES = {name: RNG.random((5, 6)).astype(np.float32) for name in ("fixed", "moving", "warped")}
LABELS = {f"{name}_labels": RNG.integers(0, 60_000, (5, 6)).astype(np.uint16) for name in IMAGES}
FIELD = RNG.normal(size=(5, 6, 2))
POINTS = RNG.random((3, 2))
WHOLE = FigureArrays(
    name="Ann", **IMAGES, **LABELS, field=FIELD, spacing=(0.7, 2.5), label_names={3: "lung", 30001: "heart"},
    direction=(0.0, -1.0, 1.0, 0.0),
    channels={"activity": 1e6 * IMAGES["fixed"]}, fixed_landmarks=POINTS, moving_landmarks=POINTS + 0.5,
)  # fmt: skip


def written(arrays: FigureArrays, path: Path) -> Path:
    with h5py.File(path, "w") as file:
        arrays.write(file)
        file["field"] = FIELD
    return path


def test_they_come_back(tmp_path: Path) -> None:
    found = FigureArrays.read(written(WHOLE, tmp_path / "a.h5"))
    for name, values in IMAGES.items():
        np.testing.assert_allclose(getattr(found, name), values, atol=5e-4)
        assert getattr(found, name).dtype == np.float32
    for name, values in LABELS.items():
        np.testing.assert_array_equal(getattr(found, name), values)
        assert getattr(found, name).dtype == np.uint16
    np.testing.assert_array_equal(found.channels["activity"], WHOLE.channels["activity"])
    np.testing.assert_array_equal(found.field, FIELD)
    np.testing.assert_array_equal([found.fixed_landmarks, found.moving_landmarks], [POINTS, POINTS + 0.5])
    assert found.direction == WHOLE.direction
    assert (found.name, found.spacing, found.label_names) == ("Ann", (0.7, 2.5), {3: "lung", 30001: "heart"})
    assert read_label_names(tmp_path / "a.h5") == found.label_names


def test_images_take_half_the_space_of_float32(tmp_path: Path) -> None:
    with h5py.File(written(WHOLE, tmp_path / "a.h5")) as file:
        assert {file[f"scene/{name}"].dtype for name in IMAGES} == {np.dtype(np.float16)}


def test_without_labels_channels_and_landmarks_there_are_none(tmp_path: Path) -> None:
    landmarks = ("fixed_landmarks", "moving_landmarks")
    bare = dataclasses.replace(WHOLE, **dict.fromkeys([*LABELS, *landmarks]), channels={}, label_names={})
    found = FigureArrays.read(written(bare, tmp_path / "a.h5"))
    assert [getattr(found, name) for name in [*LABELS, *landmarks]] == [None] * 5
    assert (found.channels, found.label_names) == ({}, {})


@pytest.mark.parametrize("lacking", ["scene", "scene/fixed", "field"])
def test_a_file_without_what_figures_need_is_told(tmp_path: Path, lacking: str) -> None:
    with h5py.File(written(WHOLE, tmp_path / "a.h5"), "r+") as file:
        del file[lacking]
    with pytest.raises(KeyError):
        FigureArrays.read(tmp_path / "a.h5")


def test_arrays_are_given_by_name_and_stay() -> None:
    with pytest.raises(TypeError, match="positional"):
        FigureArrays("Ann", *IMAGES.values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        WHOLE.name = "Bob"


def test_a_file_from_before_directions_were_kept_is_drawn_as_it_is(tmp_path: Path) -> None:
    found = FigureArrays.read(written(dataclasses.replace(WHOLE, direction=None), tmp_path / "a.h5"))
    assert found.direction is None
    assert found.as_drawn() is found

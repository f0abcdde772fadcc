from itertools import product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import image, refused, same_space, written
from pairreg import option_files
from pairreg.pair.files import load_pair

Files = tuple[Path, Path]


def test_everything_at_once(tmp_path: Path, files: Files) -> None:
    labels = written(tmp_path / "labels.nii.gz", image((9, 8, 7), np.float32))
    mask = written(tmp_path / "mask.nii.gz", image((9, 8, 7), np.float32))
    points = tmp_path / "points.csv"
    points.write_text("x,y,z\n-20.35,8.3,103\n-21.45,10.6,106\n")
    pair = load_pair(
        *map(str, files),
        fixed_labels=labels,
        moving_labels=labels,
        fixed_mask=mask,
        fixed_landmarks=points,
        moving_landmarks=points,
        channels={"dose": str(files[1])},
        fixed_channels={"dose": str(files[0]), "organs": {"file": str(labels), "labels": True}},
        label_names={1: "lung", "2": "bone"},
    )
    assert pair.name == "fixed_moving" and pair.ndim == 3
    assert {pair.fixed.GetPixelID(), pair.moving.GetPixelID(), pair.channels["dose"].GetPixelID()} == {sitk.sitkFloat32}
    kinds = {name: channel.GetPixelID() for name, channel in pair.fixed_channels.items()}
    assert kinds == {"dose": sitk.sitkFloat32, "organs": sitk.sitkInt32}
    assert pair.inputs["fixed_channels/dose"].path == str(files[0])
    assert pair.fixed_mask.GetPixelID() == sitk.sitkUInt8 and pair.moving_mask is None
    assert pair.fixed_labels.GetPixelID() == sitk.sitkInt32
    assert pair.label_names == {1: "lung", 2: "bone"} and pair.fixed_landmarks.shape == (2, 3)
    same_space(pair.fixed, image((9, 8, 7)))


def test_name(files: Files) -> None:
    assert load_pair(*files, name="case7").name == "case7"


def test_option_file(files: Files) -> None:
    pair = option_files.build("pair/files", fixed=str(files[0]), moving=str(files[1]), label_names={1: "a"}, name="x")
    assert pair.name == "x"
    refused("pair.files.fixed", option_files.build, "pair/files", fixed=3, moving=str(files[1]))


def test_dimensions_differ(tmp_path: Path, files: Files) -> None:
    flat = written(tmp_path / "flat.nii.gz", image((9, 8)))
    assert "2-D" in refused(flat, load_pair, files[0], flat)


def test_nan_voxels(tmp_path: Path, files: Files) -> None:
    for value, ending in product((np.nan, np.inf), (".mha", ".nii", ".nii.gz")):
        broken = image((9, 8, 7), np.float32)
        broken[1, 2, 3] = value
        path = written(tmp_path / f"nan{ending}", broken)
        assert "1 NaN or infinite" in refused(path, load_pair, path, files[1])
        refused(path, load_pair, *files, moving_mask=path)
        refused(path, load_pair, *files, moving_labels=path)
        refused(path, load_pair, *files, channels={"a": path})


def test_constant_image(tmp_path: Path, files: Files) -> None:
    path = written(tmp_path / "flat.nii.gz", image((9, 8, 7)) * 0 + 4)
    assert "constant (4" in refused(path, load_pair, files[0], path)


def test_empty_mask(tmp_path: Path, files: Files) -> None:
    path = written(tmp_path / "empty.nii.gz", image((9, 8, 7)) * 0)
    assert "empty mask" in refused(path, load_pair, *files, fixed_mask=path)


def test_fractional_labels(tmp_path: Path, files: Files) -> None:
    path = written(tmp_path / "half.nii.gz", image((9, 8, 7), np.float32) + 0.5)
    assert ".5" in refused(path, load_pair, *files, fixed_labels=path)


@pytest.mark.parametrize(
    "role", ["fixed_labels", "moving_labels", "fixed_mask", "moving_mask", "channels", "fixed_channels"]
)
def test_companion_elsewhere(tmp_path: Path, files: Files, role: str) -> None:
    away = image((9, 8, 7))
    away.SetOrigin((500.0, 7.0, 100.0))
    for name, content, reason in (("away", away, "outside"), ("flat", image((9, 8)), "2-D")):
        path = written(tmp_path / f"{name}.nii.gz", content)
        given = {"a": str(path)} if role.endswith("channels") else path
        assert reason in refused(path, load_pair, *files, **{role: given})


def test_labels_on_another_grid_keep_it(tmp_path: Path, files: Files) -> None:
    coarse = image((4, 3, 2))
    coarse.SetSpacing((1.0, 2.5, 6.0))
    path = written(tmp_path / "coarse.nii.gz", coarse)
    same_space(load_pair(*files, fixed_labels=path).fixed_labels, coarse)


def test_colour_labels(tmp_path: Path, files: Files) -> None:
    path = written(tmp_path / "rgb.nii.gz", sitk.Image([9, 8, 7], sitk.sitkVectorUInt16, 3))
    assert "3 components" in refused(path, load_pair, *files, fixed_labels=path)


def test_label_names(files: Files) -> None:
    refused("label_names", load_pair, *files, label_names={"bone": "x"})


@pytest.mark.parametrize("key", [10**20, "9" * 5000, "1.5", "-"], ids=["20 digits", "5000", "a fraction", "none"])
def test_a_label_that_no_voxel_can_hold(files: Files, key: int | str) -> None:
    message = refused("give whole numbers", load_pair, *files, label_names={key: "bone"})
    assert message.startswith("label_names has the keys") and len(message) < 300

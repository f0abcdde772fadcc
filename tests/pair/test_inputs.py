"""What load_pair says about its files, and where it is said."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from command_helpers import Command, installed
from dicom_helpers import stack, write_series
from pair_helpers import image, refused, written

Files = tuple[Path, Path]


def organs(size: tuple[int, ...], kind: type = np.uint8) -> sitk.Image:
    """A map of two blocks on the grid of `image(size)`."""
    values = np.zeros(size[::-1], kind)
    values[1:4, 1:6, 1:4], values[1:4, 1:6, 4:7] = 1, 2
    made = sitk.GetImageFromArray(values)
    made.CopyInformation(image(size))
    return made


def test_sound_files_are_listed_without_a_word(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    pair = pairreg.load_pair(*files, fixed_mask=files[0], channels={"ct": files[1]})
    assert {role: note.path for role, note in pair.inputs.items()} == {
        "fixed": str(files[0]), "fixed_mask": str(files[0]), "moving": str(files[1]), "channels/ct": str(files[1])
    }  # fmt: skip
    assert not caplog.records and not any(note.repairs + note.warnings for note in pair.inputs.values())


@pytest.mark.parametrize("role", ["fixed_mask", "fixed_labels"])
@pytest.mark.parametrize("change", ["origin", "spacing", "direction"])
def test_the_same_shape_on_another_grid(
    tmp_path: Path, files: Files, role: str, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    moved = organs((9, 8, 7))
    if change == "origin":
        moved.SetOrigin([x + 1 for x in moved.GetOrigin()])
    elif change == "spacing":
        moved.SetSpacing((1, 1, 1))
    else:
        moved.SetDirection(np.eye(3).ravel().tolist())
    path = written(tmp_path / "companion.nii.gz", moved)
    others = {"moving_labels": written(tmp_path / "other.nii.gz", organs((8, 9, 6)))} if "labels" in role else {}
    (warning,) = pairreg.load_pair(*files, **{role: path}, **others).inputs[role].warnings
    assert warning.startswith(str(path)) and str(files[0]) in warning
    assert [record.getMessage() for record in caplog.records] == [warning]


def test_another_number_of_voxels_is_no_mistake(tmp_path: Path, files: Files) -> None:
    path = written(tmp_path / "companion.nii.gz", organs((10, 8, 7)))
    inputs = pairreg.load_pair(*files, fixed_labels=path, moving_labels=path).inputs
    assert not inputs["fixed_labels"].warnings and not inputs["moving_labels"].warnings


@pytest.mark.parametrize("lone, missing", [("fixed", "moving"), ("moving", "fixed")])
def test_labels_of_one_image_measure_no_overlap(
    tmp_path: Path, files: Files, lone: str, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    maps = {
        f"{side}_labels": written(tmp_path / f"{side}.nii.gz", organs(size))
        for side, size in (("fixed", (9, 8, 7)), ("moving", (8, 9, 6)))
    }
    path = maps[f"{lone}_labels"]
    (warning,) = pairreg.load_pair(*files, **{f"{lone}_labels": path}).inputs[f"{lone}_labels"].warnings
    assert warning.startswith(f"{path} is {lone}_labels without {missing}_labels: no overlap of labels is measured")
    assert [record.getMessage() for record in caplog.records] == [warning]
    both = pairreg.load_pair(*files, **maps).inputs
    assert not any(note.warnings for note in both.values()) and len(caplog.records) == 1


@pytest.mark.parametrize("factor, warned", [(3.0, False), (5.0, True), (0.2, True), (0.4, False)])
def test_fields_of_view_that_differ(tmp_path: Path, files: Files, factor: float, warned: bool) -> None:
    other = image((9, 8, 7), seed=1)
    other.SetSpacing([h * factor for h in other.GetSpacing()])
    path = written(tmp_path / "other.nii.gz", other)
    assert bool(pairreg.load_pair(files[0], path).inputs["moving"].warnings) == warned


def test_channels(tmp_path: Path, files: Files) -> None:
    """Whole numbers that look like labels stay, intensities become float32, and `labels` decides."""
    labels, floats = written(tmp_path / "l.nii", organs((8, 9, 6))), tmp_path / "f.nii"
    sitk.WriteImage(sitk.Cast(organs((8, 9, 6)), sitk.sitkFloat32), str(floats))
    given = {
        "guessed": str(labels),
        "ct": files[1],
        "float": floats,
        "said": {"file": str(floats), "labels": True},
        "denied": {"file": labels, "labels": False},
        "plain": {"file": labels},
    }
    found = pairreg.load_pair(*files, channels=given).channels
    kinds = {name: pairreg.geometry.channel_interpolation(channel) for name, channel in found.items()}
    nearest = {"guessed", "said", "plain"}
    assert kinds == {name: "nearest" if name in nearest else "linear" for name in given}
    for wrong in ({"x": "y"}, {"labels": True}, {"file": str(labels), "labels": "yes"}):
        refused("channels.a", pairreg.load_pair, *files, channels={"a": wrong})


def test_one_of_several_series(tmp_path: Path) -> None:
    write_series(tmp_path / "s", stack(), uid="1.2.3.4")
    write_series(tmp_path / "s", stack(seed=1), uid="1.2.3.5", name="b{}.dcm")
    folder = str(tmp_path / "s")
    pair = pairreg.load_pair(folder, folder, fixed_series="1.2.3.4", moving_series="1.2.3.5")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(pair.fixed), stack())
    np.testing.assert_array_equal(sitk.GetArrayFromImage(pair.moving), stack(seed=1))
    refused("pair.fixed_series", pairreg.load_pair, folder, folder)


def test_a_window_that_cuts_off_an_image(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    pair = pairreg.load_pair(*files)  # 1 to 99
    for lower, upper, said in ((50, 60, "10"), (-1e5, 1e5, "fills"), (0, 100, None)):
        caplog.clear()
        ready = pairreg.build("preprocessing/window", lower=float(lower), upper=float(upper))(pair)
        warnings = ready.inputs["fixed"].warnings
        assert [said in text for text in warnings] == ([True] if said else [])
        assert len(caplog.records) == (2 if said else 0)


@pytest.mark.slow
def test_inputs_of_a_run_a_report_and_a_packed_case(tmp_path: Path, pairreg: Command, pairreg_pack: Command) -> None:
    """Rounded labels, a moved mask and a channel of labels, from the command line to the page."""
    fixed = written(tmp_path / "f.nii.gz", image((40, 36)))
    labels = np.zeros((36, 40), np.float32)
    labels[5:20, 8:30] = 1.0002
    label_map = sitk.GetImageFromArray(labels)
    label_map.CopyInformation(image((40, 36)))
    map_ = written(tmp_path / "l.nii.gz", label_map)
    moved = sitk.Cast(label_map > 0, sitk.sitkUInt8)
    moved.SetOrigin([x + 4 for x in moved.GetOrigin()])
    mask = written(tmp_path / "m.nii.gz", moved)
    (tmp_path / "cases.csv").write_text(f"case,fixed,moving,fixed_labels,fixed_mask\na,{fixed},{fixed},{map_},{mask}\n")
    packed = pairreg_pack("cases.csv", "cases.h5", cwd=tmp_path)
    assert packed.returncode == 0 and "rounded" in packed.stderr and str(mask) in packed.stderr
    files = ["pair=files", f"pair.fixed={fixed}", f"pair.moving={fixed}", f"pair.fixed_labels={map_}"]
    files += [f"pair.fixed_mask={mask}", f"pair.channels={{organs:{{file:{map_},labels:true}}}}"]
    quick = ["transform=displacement", "initialization=none", "schedule=single_level", "schedule.iterations=2"]
    for pair, name in ((files, "s"), (["pair=hdf5", "pair.file=cases.h5"], "h")):
        done = pairreg(*pair, *quick, "tracking=none", f"study={name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (path,) = (tmp_path / "runs" / name).glob("*/result.json")
        inputs = json.loads(path.read_text())["inputs"]
        assert all({"name", "path", "digest", "repairs", "warnings"} == set(one) for one in inputs)
        said = "\n".join(text for one in inputs for text in one["repairs"] + one["warnings"])
        assert f"{map_} has labels up to 0.0002" in said and f"{map_} is fixed_labels without moving_labels" in said
        assert f"{mask} has as many voxels as {fixed}" in said
        assert ("has as many voxels" in done.stdout) == (name == "s")  # packed files spoke when they were packed
        assert installed("pairreg-report")(path.parents[1], cwd=tmp_path).returncode == 0
        page = (path.parents[1] / "report" / "index.html").read_text()
        assert page.count(f"{mask} has as many voxels") == 1

"""`pair=learn2reg`: what belongs to an image by its name, points that are voxels, and what is no data set."""

import json
import shutil
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from learn2reg_helpers import affine_of, demo, lumir, save, their_tre, transform_of, write_dataset, write_points
from pair_helpers import refused, same_space
from pairreg import option_files
from pairreg.metrics.landmarks import tre
from pairreg.pair.hdf5 import load_case
from pairreg.pair.learn2reg import companion, load_learn2reg
from pairreg.pair.parts import IMAGES
from pairreg.points import to_moving
from pairreg.runs.spec import RunSpec
from pairreg.study.cases import expand


def spec(dataset: Path, case: str) -> RunSpec:
    pair = {**option_files.option_node("pair/learn2reg"), "dataset": str(dataset), "case": case}
    return RunSpec({"pair": pair, "trusted_modules": []}, {})


def zero_field_tre(folder: Path) -> np.ndarray:
    pair = load_learn2reg(folder / "DemoCT_dataset.json")
    nothing = transform_of(np.zeros((*pair.fixed.GetSize(), 3)), pair, folder)
    return tre(to_moving(pair.fixed_landmarks, nothing), pair.moving_landmarks)


@pytest.mark.parametrize("degrees", [0, 20, -75])
def test_points_are_voxels_of_their_own_image(degrees, tmp_path):
    """Of a zero field, the error is the distance in voxels times the spacing, however the headers turn the images."""
    arrays = demo(tmp_path, degrees=degrees)
    steps = arrays["fixed_points"] - arrays["moving_points"]
    expected = np.sqrt((steps**2 * np.array([1.75, 1.25, 2.5]) ** 2).sum(1))
    np.testing.assert_allclose(zero_field_tre(tmp_path), expected, atol=1e-4)
    zeros = np.zeros((20, 16, 12, 3))
    theirs = their_tre(zeros, arrays["fixed_points"], arrays["moving_points"], (1.75, 1.25, 2.5))
    np.testing.assert_allclose(zero_field_tre(tmp_path), theirs, atol=1e-4)
    assert abs(expected.mean() - np.linalg.norm(steps, axis=1).mean()) > 1, "voxels taken for mm would be told"


def test_everything_comes_by_its_name(tmp_path):
    arrays = demo(tmp_path, labels={"0": {"0": "background", "1": "liver", "2": "spleen"}})
    pair = load_learn2reg(tmp_path / "DemoCT_dataset.json")
    assert pair.name == "0001_0001" and pair.label_names == {1: "liver", 2: "spleen"}
    for role in ("fixed", "moving", "fixed_labels", "moving_labels", "fixed_mask", "moving_mask"):
        np.testing.assert_array_equal(sitk.GetArrayFromImage(getattr(pair, role)).T, arrays[role])


def test_a_companion_counts_voxel_by_voxel_whatever_its_header_says(tmp_path):
    arrays = demo(tmp_path, degrees=10)
    save(arrays["fixed_labels"], tmp_path / "labelsTr" / "DemoCT_0001_0000.nii.gz", np.diag([1.75, 1.25, 2.5, 1]))
    pair = load_learn2reg(tmp_path / "DemoCT_dataset.json")
    assert pair.fixed_labels.GetOrigin() == pair.fixed.GetOrigin()
    assert pair.fixed_labels.GetDirection() == pair.fixed.GetDirection()


@pytest.mark.parametrize("away", [0, 1000])
@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_a_mask_counts_voxel_by_voxel_also_where_its_image_has_padding(side, away, tmp_path):
    """Its header turns it by 10°, or puts it a metre away."""
    arrays = demo(tmp_path, degrees=10, masked_evaluation=True)
    name = f"DemoCT_0001_000{int(side == 'moving')}.nii.gz"
    arrays[side][:5, :4] = -3024
    save(arrays[side], tmp_path / "imagesTr" / name, nibabel.load(tmp_path / "imagesTr" / name).affine)
    for part, folder in (("labels", "labelsTr"), ("mask", "masksTr")):
        save(arrays[f"{side}_{part}"], tmp_path / folder / name, affine_of((1.75, 1.25, 2.5), origin=(away, 0, 0)))
    pair = load_learn2reg(tmp_path / "DemoCT_dataset.json")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(pair.evaluation_mask).T, arrays["fixed_mask"])
    arrays[f"{side}_mask"][:5, :4] = 0
    for part in (f"{side}_labels", f"{side}_mask"):
        found = getattr(pair, part)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(found).T, arrays[part])
        same_space(found, getattr(pair, side))
        assert not pair.inputs[part].warnings


def test_the_evaluator_masks_the_field_where_the_task_says_so(tmp_path):
    for task, more, masked in (
        ("DemoCT", {}, False),
        ("DemoCT", {"masked_evaluation": True}, True),
        ("LungCT", {}, True),
        ("NLST", {}, True),
    ):
        arrays = demo(tmp_path / f"{task}{masked}{bool(more)}", task=task, **more)
        pair = load_learn2reg(tmp_path / f"{task}{masked}{bool(more)}" / f"{task}_dataset.json")
        inside = sitk.GetArrayFromImage(pair.evaluation_mask).T
        np.testing.assert_array_equal(inside, arrays["fixed_mask"] if masked else 1)


def several(folder: Path) -> Path:
    """A data set with pairs of subjects, of modalities, and of both."""
    demo(folder)
    for name in ("DemoCT_0002_0000", "DemoCT_0002_0001", "DemoCT_0003_0000"):
        shutil.copy(folder / "imagesTr" / "DemoCT_0001_0000.nii.gz", folder / "imagesTr" / f"{name}.nii.gz")
    pairs = [(1, 0, 1, 1), (2, 0, 2, 1), (2, 0, 3, 0), (2, 1, 2, 0)]
    names = [(f"DemoCT_{a:04}_{b:04}", f"DemoCT_{c:04}_{d:04}") for a, b, c, d in pairs]
    return write_dataset(folder, "DemoCT", names)


def test_cases_are_called_as_the_challenge_calls_their_displacements(tmp_path):
    dataset = several(tmp_path)

    def names(case: str) -> list[str]:
        return [one.config["pair"]["case"] for one in expand(spec(dataset, case))]

    assert names("*") == ["0001_0001", "0002_0002", "0002_0003", "0002_0001_0002_0000"]
    assert names("0002_000?") == ["0002_0002", "0002_0003"]
    assert load_learn2reg(dataset, case="1").name == "0002_0002"
    assert "has no case" in refused(dataset, load_learn2reg, dataset, case="9" * 5000)


@pytest.mark.parametrize("folder", ["keypoints01Tr", "keypoints00000001Tr"])
def test_keypoints_of_two_modalities_lie_where_data_or_evaluator_have_them(folder, tmp_path):
    dataset = several(tmp_path)
    for name in ("DemoCT_0002_0000", "DemoCT_0002_0001"):
        write_points(np.array([[1, 2, 3], [4, 5, 6]]), tmp_path / folder / f"{name}.csv")
        write_points(np.array([[7, 7, 7]]), tmp_path / "keypointsTr" / f"{name}.csv")
    assert len(load_learn2reg(dataset, case="0002_0001_0002_0000").fixed_landmarks) == 2
    assert len(load_learn2reg(dataset, case="0002_0002").fixed_landmarks) == 1


def test_landmarks_come_before_keypoints(tmp_path):
    demo(tmp_path)
    for name in ("DemoCT_0001_0000", "DemoCT_0001_0001"):
        write_points(np.array([[1, 2, 3]]), tmp_path / "keypointsTr" / f"{name}.csv")
    assert len(load_learn2reg(tmp_path / "DemoCT_dataset.json").fixed_landmarks) == 15
    assert companion(Path("a/imagesTr/x_0001_0000.nii.gz"), "keypoints", ".csv") == Path(
        "a/keypointsTr/x_0001_0000.csv"
    )


@pytest.mark.parametrize("degrees", [0, 35])
def test_landmarks_of_lumir_are_the_centres_of_labels(degrees, tmp_path):
    """By the means of their voxels, whatever the header of the map says."""
    dataset, expected = tmp_path / "LUMIR_dataset.json", {}
    for modality, (side, labels) in enumerate(lumir(tmp_path, degrees).items()):
        centres = [np.argwhere(labels == value).mean(0) for value in (3, 7, 12)]
        affine = nibabel.load(tmp_path / "imagesTr" / f"LUMIR_0001_000{modality}.nii.gz").affine
        expected[side] = np.c_[centres, np.ones(3)] @ affine[:3].T * (-1, -1, 1)
    pair = load_learn2reg(dataset)
    np.testing.assert_allclose(pair.fixed_landmarks, expected["fixed"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(pair.moving_landmarks, expected["moving"], rtol=0, atol=1e-4)
    for side in ("fixed", "moving"):
        assert getattr(pair, f"{side}_landmark_map").GetDirection() == getattr(pair, side).GetDirection()
    file = tmp_path / "landmarksTr" / "LUMIR_0001_0001.nii.gz"
    for other, words in ((np.where(labels == 7, 3, labels), "the same labels"), (labels[1:], "19 × 16 × 12 voxels")):
        save(other, file, np.eye(4))
        assert words in refused(file, load_learn2reg, dataset)


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
@pytest.mark.parametrize("sides", [("fixed",), ("moving",), ("fixed", "moving")])
def test_an_image_in_another_folder_is_not_its_own_label_map(kind, sides, tmp_path):
    """Neither its mask nor, with points beside it, the place of its landmarks."""
    arrays = demo(tmp_path)
    path = tmp_path / "DemoCT_dataset.json"
    for side in sides:
        name = f"DemoCT_0001_000{int(side == 'moving')}"
        arrays[side] = np.round(100 * arrays[side] + 100).astype(kind)
        save(arrays[side], tmp_path / "scans" / f"{name}.nii.gz", affine_of((1.75, 1.25, 2.5)))
        shutil.copy(tmp_path / "landmarksTr" / f"{name}.csv", tmp_path / "scans")
        path.write_text(path.read_text().replace(f"imagesTr/{name}", f"scans/{name}"))
    pair = load_learn2reg(path)
    assert pair.fixed_landmarks is None and pair.moving_landmarks is None
    for side in ("fixed", "moving"):
        np.testing.assert_array_equal(sitk.GetArrayFromImage(getattr(pair, side)).T, arrays[side])
        for role in (f"{side}_labels", f"{side}_mask"):
            found = getattr(pair, role)
            if side in sides:
                assert found is None
            else:
                np.testing.assert_array_equal(sitk.GetArrayFromImage(found).T, arrays[role])


def test_names_of_labels_are_those_of_numbers(tmp_path):
    """Such that a voxel can hold."""
    labels = {"1": "liver", "x": "spleen", "-2": "kidney", "9" * 5000: "colon", "0": "background", "3": " "}
    demo(tmp_path, labels=labels)
    assert load_learn2reg(tmp_path / "DemoCT_dataset.json").label_names == {1: "liver"}


def test_another_shape_than_the_data_set_gives_is_a_warning(tmp_path):
    demo(tmp_path, tensorImageShape={"0": [20, 16, 13]})
    pair = load_learn2reg(tmp_path / "DemoCT_dataset.json")
    assert "20 × 16 × 12 voxels, its data set says 20 × 16 × 13" in pair.inputs["fixed"].warnings[0]


def test_a_run_depends_on_the_files_of_its_case_only(tmp_path):
    dataset = several(tmp_path)

    def signature(case: str = "0001_0001", path: Path = dataset) -> str:
        return spec(path, case).signature

    before = signature()
    assert signature("0") == before, "the same case under another name"
    (tmp_path / "imagesTr" / "DemoCT_0003_0000.nii.gz").write_bytes(b"another subject")
    content = json.loads(dataset.read_text())
    moved = tmp_path / "moved.json"
    moved.write_text(json.dumps({"name": "DemoCT", "registration_val": content["registration_val"][:1], "note": "x"}))
    assert signature(path=moved) == before
    moved.write_text(json.dumps({**json.loads(moved.read_text()), "masked_evaluation": True}))
    assert signature(path=moved) != before
    points = tmp_path / "landmarksTr" / "DemoCT_0001_0000.csv"
    points.write_text(points.read_text().replace("3.0", "4.0", 1))
    assert signature() != before


def test_what_is_no_data_set_is_said_in_one_sentence(tmp_path):
    demo(tmp_path)
    path = tmp_path / "DemoCT_dataset.json"

    def said(words: str, **settings: object) -> None:
        refused(words, load_learn2reg, **{"dataset": path, **settings})

    said("split 'test' is not one of registration_val", split="test")
    said("has no case '0009_0009'; its cases are 0001_0001", case="0009_0009")
    points = tmp_path / "landmarksTr" / "DemoCT_0001_0001.csv"
    right = points.read_text()
    for text, words in (
        ("1,2,3\n", "has 15 points and"),
        (right.replace(right.split("\n")[0], "40,1,1"), "row 1: 40, 1, 1); give voxel numbers of that image"),
        ("x,y,z\n" + right, "'x'; give a finite number"),
        ("1,2\n", "has 2 numbers in its first row; give a row of 3"),
        ("", "has no points"),
    ):
        points.write_text(text)
        said(words)
    points.unlink()
    said("DemoCT_0001_0001.csv is missing, but")
    points.write_text(right)
    (tmp_path / "imagesTr" / "DemoCT_0001_0001.nii.gz").rename(tmp_path / "gone")
    said("case 0001_0001: ")
    write_dataset(tmp_path, "DemoCT", [("Demo_1", "Demo_2")])
    said("another name than Learn2Reg gives")
    for text, words in (
        ("{", "cannot be read as JSON"),
        ("[]", "no list of pairs"),
        ('{"a": [1]}', "no list of pairs"),
    ):
        path.write_text(text)
        said(words)
    said("does not exist", dataset=tmp_path / "none.json")


def test_a_packed_data_set_has_the_same_pairs(pairreg_pack, tmp_path):
    arrays = demo(tmp_path, degrees=15, masked_evaluation=True, labels={"1": "liver"})
    done = pairreg_pack("--learn2reg", "DemoCT_dataset.json", "cases.h5", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "cases.h5: 1 cases\n", "")
    packed, pair = load_case(tmp_path / "cases.h5"), load_learn2reg(tmp_path / "DemoCT_dataset.json")
    assert (packed.name, packed.label_names) == (pair.name, pair.label_names) == ("0001_0001", {1: "liver"})
    for role in (*IMAGES, "evaluation_mask"):
        one, other = getattr(packed, role), getattr(pair, role)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other))
        assert one.GetOrigin() == other.GetOrigin() and one.GetDirection() == other.GetDirection()
    np.testing.assert_array_equal(packed.moving_landmarks, pair.moving_landmarks)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(packed.evaluation_mask).T, arrays["fixed_mask"])
    said = pairreg_pack("--learn2reg", "--split", "x", "DemoCT_dataset.json", "cases.h5", cwd=tmp_path)
    assert said.returncode == 2 and "split 'x' is not one of registration_val" in said.stderr


def test_a_packed_pair_of_lumir_keeps_the_maps_of_its_landmarks(pairreg_pack, tmp_path):
    maps = lumir(tmp_path, degrees=15)
    assert pairreg_pack("--learn2reg", "LUMIR_dataset.json", "cases.h5", cwd=tmp_path).returncode == 0
    packed = load_case(tmp_path / "cases.h5")
    for side, labels in maps.items():
        kept = getattr(packed, f"{side}_landmark_map")
        np.testing.assert_array_equal(sitk.GetArrayFromImage(kept).T, labels)
        assert kept.GetDirection() == getattr(packed, side).GetDirection()


def test_maps_of_landmarks_that_cannot_be_used_are_one_sentence(pairreg_pack, tmp_path):
    """They may have been changed by anybody: one alone, of another size, of other labels, without their points."""
    lumir(tmp_path)
    assert pairreg_pack("--learn2reg", "LUMIR_dataset.json", "cases.h5", cwd=tmp_path).returncode == 0
    file, changed = tmp_path / "cases.h5", tmp_path / "changed.h5"

    def said(words: str, *gone: str, **other: np.ndarray) -> None:
        shutil.copy(file, changed)
        with h5py.File(changed, "r+") as opened:
            case = opened["0001_0001"]
            for role in (*gone, *other):
                kept = dict(case[role].attrs)
                del case[role]
                if role in other:
                    case.create_dataset(role, data=other[role]).attrs.update(kept)
        assert words in refused(changed, load_case, changed)

    said("of one image only", "fixed_landmark_map")
    said("not as many landmarks", "fixed_landmarks", "moving_landmarks")
    said("20 × 16 × 11 voxels", moving_landmark_map=np.ones((11, 16, 20), np.uint16))
    said("should have the same labels", moving_landmark_map=np.ones((12, 16, 20), np.uint16))
    one = np.ones((12, 16, 20), np.uint16)
    said("not as many landmarks", fixed_landmark_map=one, moving_landmark_map=one)

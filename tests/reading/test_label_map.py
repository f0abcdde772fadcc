from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pair_helpers import image, refused
from pairreg.reading.label_map import looks_like_labels
from pairreg.reading.roles import read_label_map

MAP = np.repeat(np.repeat(np.array([[0, 1], [2, 3]]), 6, 0), 5, 1)


def written(path: Path, values: np.ndarray) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    return path


@pytest.mark.parametrize("ending", ["nii.gz", "mha", "nrrd", "tif"])
@pytest.mark.parametrize("off", [2e-5, -2e-5, 9e-4])
def test_nearly_whole_numbers_are_rounded(tmp_path: Path, ending: str, off: float) -> None:
    file = read_label_map(written(tmp_path / f"a.{ending}", (MAP + off * (MAP > 0)).astype(np.float32)))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(file.image), MAP)
    assert file.image.GetPixelID() == sitk.sitkInt32 and "rounded" in file.repairs[0]


@pytest.mark.parametrize("value, shown", [(1.002, "1.002"), (0.5, "0.5"), (300.0021, "300.0021"), (1e17, "1e+17")])
def test_other_numbers_are_shown_with_their_digits(tmp_path: Path, value: float, shown: str) -> None:
    path = written(tmp_path / "a.nii", np.where(MAP == 2, value, MAP))
    assert f"the label {shown};" in refused(path, read_label_map, path)


@pytest.mark.parametrize("kind", [np.float64, np.int64, np.uint64, np.uint32])
@pytest.mark.parametrize("value", [3e9, 2**31, 7])
def test_large_numbers_stay(tmp_path: Path, kind: type, value: float) -> None:
    found = read_label_map(written(tmp_path / "a.nii", np.where(MAP == 2, value, MAP).astype(kind))).image
    assert set(np.unique(sitk.GetArrayFromImage(found)).tolist()) == {0, 1, 3, int(value)}


def test_large_numbers_reach_the_result(tmp_path: Path) -> None:
    values = image((40, 36), np.float32)
    labels = np.zeros((36, 40))
    labels[10:25, 12:30] = 3e9
    fixed, map_ = tmp_path / "f.nii", written(tmp_path / "l.nii", labels)
    values = sitk.GetImageFromArray(sitk.GetArrayFromImage(values))
    sitk.WriteImage(values, str(fixed))
    pair = pairreg.load_pair(fixed, fixed, fixed_labels=map_, moving_labels=map_)
    schedule = pairreg.build("schedule/single_level", iterations=2)
    result = pairreg.register(pair, transform="displacement", initialization="none", schedule=schedule)
    assert result.metrics["dice/3000000000"] == pytest.approx(1.0, abs=0.05)
    result.save(tmp_path / "run")
    carried = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "run" / "warped_labels.nii.gz")))
    assert set(np.unique(carried).tolist()) == {0, 3000000000}


def test_what_looks_like_labels() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(scale=20, size=(60, 60))
    smooth = sitk.GetArrayFromImage(sitk.DiscreteGaussian(sitk.GetImageFromArray(rng.normal(size=(60, 60))), 4.0))
    body = np.hypot(*(np.indices((60, 60)) - 30)) < 25
    organs = np.where(body, 1 + (np.indices((60, 60))[0] // 9) * (np.hypot(*(np.indices((60, 60)) - 25)) < 15), 0)
    points = np.zeros((60, 60))
    points[::10, ::10] = np.arange(1, 37).reshape(6, 6)
    labels = {"organs": organs, "mask": body, "points": points, "large numbers": organs * 500}
    images = {
        "ct": np.where(body, 30 + noise, -1000 + noise),
        "mr": np.where(body, 300 + noise, 0),
        "smooth": np.where(body, 120 + 900 * smooth, 0),
        "histology": np.where(body, 120 + noise, 255),
        "labels in Hounsfield units": np.where(body, organs * 40, -1000),
    }
    for kind in (np.uint8, np.int16, np.int32):
        for name, values in labels.items():
            assert looks_like_labels(sitk.GetImageFromArray(values.astype(kind))) or kind == np.uint8, name
    for name, values in images.items():
        assert not looks_like_labels(sitk.GetImageFromArray(values.astype(np.int16))), name
    assert not looks_like_labels(sitk.GetImageFromArray(organs.astype(np.float32)))

from importlib.resources import files

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg import option_files

SIZES = {"thorax_ct_2d": (214, 192), "thorax_ct_3d": (128, 76, 64), "xcat_to_ct_2d": (253, 172)}


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_bundled_pair(name: str, size: tuple[int, ...]) -> None:
    pair = option_files.build(f"pair/{name}")
    assert pair.name == name and pair.fixed.GetSize() == size and pair.ndim == len(size)
    labels = set(np.unique(sitk.GetArrayFromImage(pair.fixed_labels))) - {0}
    assert labels == set(pair.label_names) and pair.label_names[2] == "lung_right"
    assert sitk.GetArrayFromImage(pair.fixed).min() < -900  # HU


def test_the_phantom_is_the_moving_image_and_its_body_holds_what_the_patient_has() -> None:
    pair = option_files.build("pair/xcat_to_ct_2d")
    assert pair.moving.GetSize() == (231, 153)
    assert list(pair.label_names.values()) == ["body_other", "lung_right", "lung_left", "bone"]
    images = {"patient": (pair.fixed, pair.fixed_labels), "phantom": (pair.moving, pair.moving_labels)}
    for name, both in images.items():
        image, labels = map(sitk.GetArrayFromImage, both)
        outside, body, right, left, bone = (image[labels == value].mean() for value in range(5))
        assert outside < -900 and max(right, left) < -600 < body < bone, name
        columns = [np.nonzero(labels == value)[1].mean() for value in (2, 3)]
        assert columns[0] < columns[1], "the patient's right is on the left of the page"


@pytest.mark.parametrize("name", SIZES)
def test_origin_and_licence_lie_beside_the_images(name: str) -> None:
    folder = files("pairreg.pair") / "data" / name
    assert "Origin" in (folder / "README.md").read_text() and "opyright" in (folder / "LICENSE.txt").read_text()

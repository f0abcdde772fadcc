"""What counts as never measured, and what does not."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pair_helpers import refused
from pairreg.reading.notes import ImageFile
from pairreg.reading.padding import with_padding

RNG = np.random.default_rng(0)
SHAPE = (12, 40, 44)
Z, Y, X = np.indices(SHAPE)
OUTSIDE = (Y - 19.5) ** 2 + (X - 21.5) ** 2 > 19**2
BODY = (Y - 19.5) ** 2 / 12**2 + (X - 21.5) ** 2 / 15**2 < 1
LUNG = (Y - 19.5) ** 2 + (X - 15) ** 2 < 5**2


def chest(air: float = -1000.0) -> np.ndarray:
    """CT numbers with noise: air, soft tissue, lung, a bone."""
    values = np.where(LUNG, -800.0, np.where(BODY, 30.0, air)) + RNG.normal(scale=15, size=SHAPE)
    values[:, 20:23, 30:33] = 700
    return np.maximum(np.round(values), -1024)


def found(values: np.ndarray) -> ImageFile:
    return with_padding(ImageFile(Path("a.nii"), sitk.GetImageFromArray(values.astype(np.float32))))


@pytest.mark.parametrize("value", [-3024, -2000, -2048, -1500, -32768, -1e6, -3.4e38])
def test_a_value_far_below_ct_in_the_corners(value: float) -> None:
    file = found(np.where(OUTSIDE, value, chest()))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(file.padding), OUTSIDE)
    assert file.repairs[0].startswith("a.nii has")


@pytest.mark.parametrize("value", [-500, -1, -1000])
def test_a_negative_value_where_nothing_else_is(value: float) -> None:
    activity = np.where(BODY, RNG.gamma(2.0, 0.2, SHAPE), 0) * (1000 if value < -1 else 1)
    file = found(np.where(OUTSIDE, value, activity))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(file.padding), OUTSIDE)


def test_mixtures_at_the_border_of_padding() -> None:
    """A padded image that was resampled once, by half a voxel."""
    padded = np.kron(np.where(OUTSIDE, -3024, chest()), np.ones((1, 3, 3)))
    shifted = (padded[:, :-1, :-1] + padded[:, 1:, 1:]) / 2
    marked = sitk.GetArrayFromImage(found(shifted).padding) > 0
    assert marked[shifted == -3024].all() and not marked[shifted > -1100].any()
    assert marked[shifted < -2100].all()


NOT_PADDING = {
    "air at -1024 in the corners": np.where(OUTSIDE, -1024, chest()),
    "air at -1024 everywhere outside of the body": np.where(BODY, chest(), -1024),
    "no air but a body in -1024": np.where(BODY & ~LUNG, chest(), -1024),
    "plain CT": chest(),
    "a black background of MR": np.where(BODY, 600 + chest() / 10, 0),
    "standardised MR": np.where(BODY, RNG.normal(size=SHAPE), -0.8),
    "one low voxel in a corner": np.where((Z == 0) & (Y == 0) & (X == 0), -3024, chest()),
    "a low region inside": np.where(LUNG, -3024, chest()),
    "a lower end without a gap": np.clip(RNG.normal(scale=2000, size=SHAPE), -3000, None),
    "constant": np.full(SHAPE, -3024),
}


@pytest.mark.parametrize("name", NOT_PADDING)
def test_no_padding(name: str) -> None:
    file = found(NOT_PADDING[name])
    assert file.padding is None and not file.repairs


def write(path: Path, values: np.ndarray) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    return path


def test_padding_is_out_of_the_mask_of_its_image(tmp_path: Path) -> None:
    padded = write(tmp_path / "padded.nii.gz", np.where(OUTSIDE, -3024, chest()).astype(np.int16))
    plain = write(tmp_path / "plain.nii.gz", chest().astype(np.int16))
    mask = write(tmp_path / "mask.nii.gz", (X < 30).astype(np.uint8))
    pair = pairreg.load_pair(plain, padded)
    assert pair.fixed_mask is None and "far below" in pair.inputs["moving"].repairs[0]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(pair.moving_mask), ~OUTSIDE)
    masked = pairreg.load_pair(plain, padded, moving_mask=mask).moving_mask
    np.testing.assert_array_equal(sitk.GetArrayFromImage(masked), ~OUTSIDE & (X < 30))
    corner = write(tmp_path / "corner.nii.gz", ((X < 3) & (Y < 3)).astype(np.uint8))
    assert "only padding" in refused(padded, pairreg.load_pair, plain, padded, moving_mask=corner)


def test_an_image_of_padding_and_one_other_value(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii.gz", np.where(OUTSIDE, -3024, 0).astype(np.int16))
    assert "constant" in refused(path, pairreg.load_pair, path, path)


@pytest.mark.parametrize("name", ["percentile", "minmax"])
def test_preprocessing_does_not_see_padding(tmp_path: Path, name: str) -> None:
    values = chest()
    padded = write(tmp_path / "padded.nii.gz", np.where(OUTSIDE, -3024, values).astype(np.int16))
    plain = write(tmp_path / "plain.nii.gz", values.astype(np.int16))
    ready = pairreg.build(f"preprocessing/{name}")(pairreg.load_pair(plain, padded))
    fixed, moving = (sitk.GetArrayFromImage(image) for image in (ready.fixed, ready.moving))
    np.testing.assert_allclose(moving[~OUTSIDE], fixed[~OUTSIDE], atol=0.01)

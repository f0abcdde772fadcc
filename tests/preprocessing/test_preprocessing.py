from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg import option_files
from pairreg.errors import InputError
from pairreg.pair.pair import Pair
from pairreg.preprocessing.base import Preprocessing

OPTIONS = ["minmax", "percentile", "window"]


def image(values: np.ndarray) -> sitk.Image:
    result = sitk.GetImageFromArray(values.astype(np.float32))
    result.SetSpacing((0.5, 1.25, 3.0)[: values.ndim])
    result.SetOrigin((-20.0, 7.0, 100.0)[: values.ndim])
    return result


def pair_of(values: np.ndarray) -> Pair:
    return Pair(name="p", fixed=image(values), moving=image(values[::-1] * 2 + 1))


def array(one: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(one)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 300, (6, 10, 12))


def test_minmax(values: np.ndarray) -> None:
    pair = pair_of(values)
    result = option_files.build("preprocessing/minmax")(pair)
    expected = (values - values.min()) / np.ptp(values)
    np.testing.assert_allclose(array(result.fixed), expected, atol=1e-6)
    np.testing.assert_allclose(array(result.moving), expected[::-1], atol=1e-6)
    assert result.fixed.GetPixelID() == sitk.sitkFloat32
    assert result.fixed.GetSpacing() == pair.fixed.GetSpacing() and result.fixed.GetOrigin() == pair.fixed.GetOrigin()


def test_percentile(values: np.ndarray) -> None:
    values[0, 0, 0] = 1e6
    pair = pair_of(values)
    low, high = np.percentile(array(pair.fixed), (5, 90))
    result = array(option_files.build("preprocessing/percentile", lower=5.0, upper=90)(pair).fixed)
    np.testing.assert_allclose(result, (np.clip(values, low, high) - low) / (high - low), atol=1e-6)


def test_window_and_range(values: np.ndarray) -> None:
    result = option_files.build("preprocessing/window", lower=-100, upper=100, range=[-1, 3])(pair_of(values))
    np.testing.assert_allclose(array(result.fixed), np.clip(values, -100, 100) / 50 + 1, atol=1e-5)
    assert array(result.moving).min() == -1 and array(result.moving).max() == 3


def test_limits_come_from_the_mask_on_any_grid(values: np.ndarray) -> None:
    pair = pair_of(values)
    mask = sitk.Image([6, 5, 3], sitk.sitkUInt8) + 1  # half the resolution; its centres are those of even voxels
    mask.SetSpacing((1.0, 2.5, 6.0))
    mask.SetOrigin(pair.fixed.GetOrigin())
    mask[3:, :, :] = 0
    pair = replace(pair, fixed_mask=mask)
    used = array(sitk.Resample(mask, pair.fixed, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0
    assert 0 < used.sum() < used.size
    low, high = values[used].min(), values[used].max()
    result = array(option_files.build("preprocessing/minmax")(pair).fixed)
    np.testing.assert_allclose(result, (np.clip(values, low, high) - low) / (high - low), atol=1e-6)


def test_blur_is_a_gaussian_in_mm() -> None:
    values = np.zeros((41, 61, 81))
    values[20, 30, 40] = 1
    pair = Pair(name="p", fixed=image(values), moving=image(values))
    result = option_files.build("preprocessing/minmax", blur_fixed=3.0)(pair)
    spread = array(result.fixed).astype(np.float64)
    assert spread.sum() == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(array(result.moving), values)
    for axis, spacing in enumerate((3.0, 1.25, 0.5)):
        marginal = spread.sum(tuple(a for a in range(3) if a != axis))
        mm = (np.arange(len(marginal)) - len(marginal) // 2) * spacing
        assert (marginal * mm**2).sum() / marginal.sum() == pytest.approx(9.0, rel=0.02)


@pytest.mark.parametrize("shape", [(2, 30, 30), (3, 2)])
def test_thin_images_are_blurred(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    result = option_files.build("preprocessing/minmax", blur_fixed=2.0, blur_moving=2.0)(pair_of(values))
    assert np.isfinite(array(result.fixed)).all() and np.ptp(array(result.fixed)) < 1


def edges(one: sitk.Image) -> np.ndarray:
    corners = [-0.5] * one.GetDimension(), [n - 0.5 for n in one.GetSize()]
    return np.array([one.TransformContinuousIndexToPhysicalPoint(corner) for corner in corners])


@pytest.mark.parametrize("spacing", [1.0, 2.0, [1.0, 1.0, 1.7], (0.4, 3.0, 3.0)])
def test_resampling_keeps_the_field_of_view(values: np.ndarray, spacing: object) -> None:
    pair = pair_of(values)
    turn = [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1]
    pair.fixed.SetDirection(turn)
    result = option_files.build("preprocessing/minmax", spacing=spacing)(pair)
    np.testing.assert_allclose(edges(result.fixed), edges(pair.fixed), atol=1e-9)
    assert result.fixed.GetDirection() == pair.fixed.GetDirection()
    assert result.moving.GetSize() == pair.moving.GetSize()


@pytest.mark.parametrize("spacing", [0.7, [1.0, 2.0], 2.5])
def test_resampling_keeps_a_ramp_at_its_place_in_the_world(spacing: object) -> None:
    y, x = np.mgrid[0:60, 0:100]
    pair = pair_of(2.0 * x + 3.0 * y)
    fixed = option_files.build("preprocessing/minmax", spacing=spacing)(pair).fixed
    rows, columns = np.mgrid[8 : fixed.GetSize()[1] - 8, 5 : fixed.GetSize()[0] - 5]  # the blur bends it at the edges
    world = [
        fixed.TransformIndexToPhysicalPoint((int(c), int(r))) for r, c in zip(rows.flat, columns.flat, strict=True)
    ]
    index = (np.array(world) - pair.fixed.GetOrigin()) / pair.fixed.GetSpacing()
    expected = (2 * index[:, 0] + 3 * index[:, 1]) / (2 * 99 + 3 * 59)
    np.testing.assert_allclose(array(fixed)[rows, columns].ravel(), expected, atol=1e-5)


def test_downsampling_does_not_alias() -> None:
    stripes = np.tile([0.0, 1.0], (64, 32))
    pair = pair_of(stripes)
    fixed = array(option_files.build("preprocessing/minmax", spacing=[2.5, 1.25])(pair).fixed)
    assert np.abs(fixed[:, 2:-2] - 0.5).max() < 0.1  # half a stripe more of one kind in two and a half


@pytest.mark.parametrize("option", OPTIONS)
def test_constant_image(option: str, values: np.ndarray) -> None:
    pair = replace(pair_of(values), moving=image(np.full((6, 10, 12), 2000.0)))
    with pytest.raises(InputError, match="moving image of p is constant"):
        option_files.build(f"preprocessing/{option}")(pair)


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("minmax", {"range": [1, 0]}),
        ("minmax", {"range": [0, 1, 2]}),
        ("minmax", {"blur_fixed": -1.0}),
        ("minmax", {"spacing": 0.0}),
        ("minmax", {"spacing": [1.0, -1.0]}),
        ("percentile", {"lower": 60.0, "upper": 40.0}),
        ("percentile", {"upper": 101.0}),
        ("window", {"lower": 5.0, "upper": 5.0}),
        ("window", {"lower": "a"}),
    ],
)
def test_wrong_values(option: str, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"preprocessing.{option}"):
        option_files.build(f"preprocessing/{option}", **wrong)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("option", OPTIONS)
def test_voxels_that_are_no_numbers_are_refused_by_name(option: str, bad: float, values: np.ndarray) -> None:
    preprocessing, broken = option_files.build(f"preprocessing/{option}"), values.copy()
    broken[2, 3, 4] = bad
    pair = replace(pair_of(values), fixed_channels={"pet": image(values)}, channels={"pet": image(broken)})
    for side in ("fixed", "moving"):
        with pytest.raises(InputError, match=f"^The {side} image of p has NaN or infinite voxels; replace them"):
            preprocessing(replace(pair, **{side: image(broken)}))
    prepared = preprocessing(pair)
    for as_densities in (False, True):
        with pytest.raises(InputError, match="channel 'pet' of p has NaN or infinite voxels"):
            preprocessing.compared(prepared, "pet", as_densities)


def test_spacing_of_another_dimension(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="2 numbers for a 3-D"):
        option_files.build("preprocessing/minmax", spacing=[1.0, 1.0])(pair_of(values))


def test_a_channel_that_hardly_fills_a_window(values: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    """As in images: a PET in SUV, of which a window in HU leaves next to nothing."""
    pet = image(np.clip(values, 0, 1) * 20)
    pair = Pair(name="p", fixed=pet, moving=pet, channels={"pet": pet}, fixed_channels={"pet": pet})
    option_files.build("preprocessing/window").compared(pair, "pet", False)
    of_sides = [f"The {side} channel 'pet'" for side in ("fixed", "moving")]
    assert [line.partition(" of p ")[0] for line in caplog.messages] == of_sides


@pytest.mark.parametrize("option", OPTIONS)
def test_contract(option: str, values: np.ndarray) -> None:
    preprocessing, pair = option_files.build(f"preprocessing/{option}"), pair_of(values)
    before = array(pair.fixed).copy()
    result = preprocessing(replace(pair, fixed_landmarks=np.ones((2, 3)), moving_landmarks=np.ones((2, 3))))
    assert isinstance(preprocessing, Preprocessing)
    np.testing.assert_array_equal(array(pair.fixed), before)
    for one in (result.fixed, result.moving):
        assert array(one).min() >= 0 and array(one).max() <= 1 and array(one).dtype == np.float32
    assert result.fixed_landmarks.shape == (2, 3)

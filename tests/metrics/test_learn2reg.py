"""The metrics of Learn2Reg against its formulas, written out anew, on whatever headers the images have."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

import pairreg
from learn2reg_helpers import (
    demo,
    lumir,
    their_ndv,
    their_sdlogj,
    their_tre,
    their_tre_of_maps,
    their_warp,
    transform_of,
)
from pairreg import evaluate
from pairreg.metrics.diffeomorphism import ndv_percent
from pairreg.metrics.landmarks import tre_mean, tre_snapped
from pairreg.metrics.learn2reg import hd95_voxel, ndv_l2r, sdlogj_l2r, tre_l2r, warped
from pairreg.pair.learn2reg import load_learn2reg

SPACING = (1.75, 1.25, 2.5)


def smooth(shape: tuple[int, ...], amplitude: float, seed: int = 0) -> np.ndarray:
    """A displacement `(x, y, z, 3)` in voxels."""
    rng = np.random.default_rng(seed)
    field = np.stack([gaussian_filter(rng.normal(size=shape), 2) for _ in shape], -1)
    return amplitude * field / abs(field).max()


def test_regularity_is_that_of_the_evaluator() -> None:
    field, mask = smooth((14, 12, 13), 3), np.random.default_rng(1).random((14, 12, 13)) < 0.4
    assert sdlogj_l2r(field) == pytest.approx(their_sdlogj(field), rel=1e-9)
    assert sdlogj_l2r(field, mask) == pytest.approx(their_sdlogj(field, mask), rel=1e-9)
    assert abs(sdlogj_l2r(field, mask) - sdlogj_l2r(field)) > 1e-4


def test_errors_are_those_of_cubic_interpolation_in_the_moving_voxels() -> None:
    field, rng = smooth((14, 12, 13), 3), np.random.default_rng(2)
    fixed, moving = rng.uniform(2, 10, (20, 3)), rng.uniform(2, 10, (20, 3))
    assert tre_l2r(field, fixed, moving, SPACING) == pytest.approx(their_tre(field, fixed, moving, SPACING).mean())


def test_volume_turned_over_is_that_of_lumir() -> None:
    field, mask = smooth((14, 12, 13), 9), np.random.default_rng(1).random((14, 12, 13)) < 0.4
    assert ndv_l2r(field, mask) == pytest.approx(their_ndv(field, mask), rel=1e-9)
    assert their_ndv(field, mask) > 1 and abs(their_ndv(field, mask) - ndv_percent(field)) > 0.01
    assert ndv_l2r(0 * field, mask) == 0 and np.isnan(ndv_l2r(field, 0 * mask))


def test_labels_are_warped_as_the_evaluator_does() -> None:
    field, labels = smooth((14, 12, 13), 3), np.random.default_rng(1).integers(0, 4, (14, 12, 13))
    np.testing.assert_array_equal(warped(labels, field), their_warp(field, labels))


# of compute_robust_hausdorff in surface-distance 0.1, which weighs by area
OF_DEEPMIND = (1.4142135623730951, 2.23606797749979, 3.7416573867739413, 8.06225774829855, 11.704699910719626)


def test_distances_in_voxels_are_those_of_the_library_that_the_evaluator_uses() -> None:
    rng = np.random.default_rng(1)
    for i, expected in enumerate(OF_DEEPMIND):
        a = gaussian_filter(rng.normal(size=(30, 28, 26)), 1 + i * 0.5) > 0.02
        b = gaussian_filter(rng.normal(size=(30, 28, 26)), 1 + i * 0.5) > 0.05
        assert hd95_voxel(a.astype(int), b.astype(int), [1]) == pytest.approx(expected, abs=1e-9)


def test_a_mean_over_labels_is_infinite_if_one_was_lost() -> None:
    fixed = np.zeros((12, 12, 12), int)
    fixed[2:8, 2:8, 2:8], fixed[9:11, 9:11, 9:11] = 1, 2
    shifted = np.where(np.roll(fixed, 2, 0) == 1, 1, 0)
    assert hd95_voxel(fixed, shifted, [1]) == 2
    assert hd95_voxel(fixed, shifted, [1, 2]) == np.inf


def test_snapped_points_move_by_whole_voxels() -> None:
    mapped, target = np.array([[1.4, 2.6, 3.0], [5.0, 5.0, 4.51]]), np.array([[1, 2, 3], [5, 5, 5]])
    assert tre_snapped(mapped, target, SPACING) == pytest.approx((1.25 + 0) / 2)


@pytest.mark.parametrize("spacing", [None, 3.5])
@pytest.mark.parametrize("degrees", [0, 35])
def test_a_pair_of_a_data_set_is_measured_by_its_evaluator(degrees, spacing, tmp_path) -> None:
    """Every number from the arrays of the files and the displacement in voxels alone, also if we resample them."""
    arrays = demo(tmp_path, degrees=degrees, masked_evaluation=True)
    pair = load_learn2reg(tmp_path / "DemoCT_dataset.json")
    field = smooth((20, 16, 12), 2)
    transform = transform_of(field, pair, tmp_path)
    pair = pairreg.build("preprocessing/minmax", spacing=spacing)(pair)
    found = evaluate.of_field(np.zeros((12, 16, 20, 3)), None, evaluate.submission(pair, transform))
    found |= evaluate.under_transform(pair, transform)
    theirs = their_tre(field, arrays["fixed_points"], arrays["moving_points"], SPACING)
    assert found["tre_l2r"] == pytest.approx(theirs.mean(), abs=1e-5)
    assert found["tre_mean"] == pytest.approx(theirs.mean(), abs=1e-4), "the points are centres of voxels"
    assert found["sdlogj_l2r"] == pytest.approx(their_sdlogj(field, arrays["fixed_mask"]), rel=1e-5)
    assert found["ndv_l2r"] == pytest.approx(their_ndv(field, arrays["fixed_mask"]), rel=1e-4)
    assert found["folds_percent"] == 0, "of the field, not of what is submitted"
    moved = their_warp(field, arrays["moving_labels"])
    np.testing.assert_array_equal(
        moved.T,
        sitk.GetArrayFromImage(
            sitk.Resample(pair.moving_labels, pair.fixed_labels, transform, sitk.sitkNearestNeighbor)
        ),
    )
    assert found["hd95_voxel"] == hd95_voxel(arrays["fixed_labels"], moved, [1, 2])


def test_before_the_registration_it_is_the_measure_of_no_displacement(tmp_path) -> None:
    arrays = demo(tmp_path)
    pair = load_learn2reg(tmp_path / "DemoCT_dataset.json")
    identity = sitk.Transform(3, sitk.sitkIdentity)
    shift = evaluate.submission(pair, identity)["submitted"]  # of two headers, whose origins differ
    found = evaluate.evaluate(pair, identity, transform_of(0 * shift, pair, tmp_path), np.zeros((12, 16, 20, 3)), None)
    theirs = their_tre(shift, arrays["fixed_points"], arrays["moving_points"], SPACING)
    assert found["before/tre_l2r"] == pytest.approx(theirs.mean(), abs=1e-5) != found["tre_l2r"]
    moved = their_warp(shift, arrays["moving_labels"])
    assert found["before/hd95_voxel"] == hd95_voxel(arrays["fixed_labels"], moved, [1, 2])
    assert "before/ndv_l2r" not in found


def test_lumir_measures_where_the_fixed_image_is_above_0(tmp_path) -> None:
    arrays = demo(tmp_path, "LUMIR")
    pair = load_learn2reg(tmp_path / "LUMIR_dataset.json")
    assert pair.evaluation_mask is not None
    np.testing.assert_array_equal(sitk.GetArrayFromImage(pair.evaluation_mask).T, arrays["fixed"] > 0)


@pytest.mark.parametrize("spacing", [None, 3.5])
def test_the_landmarks_of_lumir_are_measured_by_their_warped_maps(spacing, tmp_path) -> None:
    """Those that the objective was given do not count; one that was lost on the way is infinitely far away."""
    maps = lumir(tmp_path, degrees=20)
    pair = load_learn2reg(tmp_path / "LUMIR_dataset.json")
    field = smooth((20, 16, 12), 2)
    transform = transform_of(field, pair, tmp_path)
    pair = pairreg.build("preprocessing/minmax", spacing=spacing)(pair)
    found = evaluate.under_transform(pair, transform)
    assert found["tre_lumir"] == pytest.approx(their_tre_of_maps(field, maps["fixed"], maps["moving"]), rel=1e-9)
    assert found["tre_mean"] > 0 and "tre_l2r" not in found
    rest = {side: np.where(values == 7, 0, values) for side, values in maps.items()}
    assert evaluate.under_transform(pair, transform, used_landmarks={1})["tre_lumir"] == pytest.approx(
        their_tre_of_maps(field, **rest), rel=1e-9
    )
    lost = evaluate.under_transform(pair, sitk.TranslationTransform(3, (500.0, 0, 0)))
    assert lost["tre_lumir"] == np.inf


def test_other_pairs_have_no_metrics_of_learn2reg_alone(tmp_path) -> None:
    found = evaluate.of_field(np.zeros((9, 9, 9, 3)))
    assert "sdlogj_l2r" in found and not {"tre_l2r", "tre_lumir", "hd95_voxel", "ndv_l2r"} & found.keys()
    assert tre_mean(np.zeros((1, 3)), np.ones((1, 3))) == pytest.approx(np.sqrt(3))

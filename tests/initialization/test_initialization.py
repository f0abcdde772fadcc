from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg.errors import InputError
from pairreg.pair.files import load_pair
from pairreg.pair.pair import Pair
from pairreg.preprocessing.percentile import Percentile
from start_helpers import dice, error, identity, moved_pair

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
OPTIONS = ["none", "center_of_mass", "rigid", "affine", "convex"]


def shared(name: str, **more: object) -> Pair:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip("shared data are absent")
    return Percentile()(load_pair(folder / "fixed.nii.gz", folder / "moving.nii.gz", **more))


@pytest.mark.parametrize("option", OPTIONS)
def test_contract(option: str) -> None:
    pair, _ = moved_pair((60, 50), (5.0, 4.0))
    before = sitk.GetArrayFromImage(pair.moving)
    initialization = pairreg.build(f"initialization/{option}")
    first, second = initialization(pair), initialization(pair)
    assert isinstance(first, sitk.Transform) and first.GetDimension() == 2
    assert first.GetParameters() == second.GetParameters()
    assert first.GetFixedParameters() == second.GetFixedParameters()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(pair.moving), before)


@pytest.mark.parametrize("size", [(60, 50), (40, 36, 30)])
@pytest.mark.parametrize("by", ["mass", "geometry"])
def test_centers_recover_a_translation(size: tuple[int, ...], by: str) -> None:
    pair, truth = moved_pair(size, (0.0, 0.0), far=250.0)
    found = pairreg.build("initialization/center_of_mass", by=by)(pair)
    assert error(pair, found, truth) < 1e-3


def test_mass_is_counted_above_the_smallest_intensity_and_in_the_mask() -> None:
    pair, truth = moved_pair((60, 50), (0.0, 4.0))
    lifted = replace(pair, fixed=pair.fixed - 1, moving=pair.moving + 5)
    centers = pairreg.build("initialization/center_of_mass")
    assert error(pair, centers(lifted), centers(pair)) < 1e-3
    speck = sitk.Image(pair.fixed)
    speck[2:6, 2:6] = 50.0
    mask = sitk.Cast(pair.fixed > 0, sitk.sitkUInt8)
    assert error(pair, centers(replace(pair, fixed=speck)), centers(pair)) > 5
    masked = replace(pair, fixed=speck, fixed_mask=mask)
    assert error(pair, centers(masked), centers(pair)) < 1e-3


def test_no_mass() -> None:
    pair, _ = moved_pair((60, 50), (0.0, 4.0))
    mask = sitk.Image(pair.fixed.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(pair.fixed)
    with pytest.raises(InputError, match="p has no mass"):
        pairreg.build("initialization/center_of_mass")(replace(pair, fixed_mask=mask))


@pytest.mark.parametrize(
    ("size", "degrees", "far"),
    [((110, 90), 12.0, 0.0), ((110, 90), -30.0, 700.0), ((40, 36, 30), 12.0, 700.0), ((40, 36, 30), -30.0, 0.0)],
)
def test_rigid_recovers_a_known_motion(size: tuple[int, ...], degrees: float, far: float) -> None:
    pair, truth = moved_pair(size, (degrees, 9.0), far)
    found = pairreg.build("initialization/rigid")(pair)
    assert error(pair, found, truth) < 0.5


@pytest.mark.parametrize("size", [(110, 90), (40, 36, 30)])
def test_affine_recovers_a_known_motion_of_another_contrast(size: tuple[int, ...]) -> None:
    pair, truth = moved_pair(size, (-8.0, 6.0, 0.12))
    other = replace(pair, moving=1 - sitk.Sqrt(pair.moving))
    assert error(pair, pairreg.build("initialization/affine")(other), truth) < 1.0


def test_masks_hide_what_would_mislead() -> None:
    pair, truth = moved_pair((110, 90), (10.0, 6.0))
    mask = sitk.Cast(pair.fixed > 0.02, sitk.sitkUInt8)
    bar = sitk.Image(pair.fixed)
    bar[:, :8] = 1.0
    found = pairreg.build("initialization/rigid")(replace(pair, fixed=bar, fixed_mask=sitk.BinaryDilate(mask, [3, 3])))
    assert error(pair, found, truth) < 0.7


def test_thin_volumes() -> None:
    pair, truth = moved_pair((48, 44, 3), (8.0, 3.0))
    assert error(pair, pairreg.build("initialization/rigid")(pair), truth) < 3.5


def test_threads_are_given_back() -> None:
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    pairreg.build("initialization/rigid", iterations=1)(moved_pair((30, 30), (0.0, 1.0))[0])
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == before


def test_nothing_in_common() -> None:
    pair, _ = moved_pair((60, 50), (0.0, 4.0))
    mask = sitk.Image(pair.fixed.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(pair.fixed)
    mask[29:31, 24:26] = 1
    flat = replace(pair, fixed=sitk.Cast(pair.fixed > 2, sitk.sitkFloat32) + 1, fixed_mask=mask)
    with pytest.raises(InputError, match="p "):
        pairreg.build("initialization/rigid")(flat)


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"iterations": 0}, {"seed": -1}, {"seed": 0.5}])
def test_wrong_values(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="initialization.rigid"):
        pairreg.build("initialization/rigid", **wrong)


@pytest.mark.parametrize(("option", "least"), [("center_of_mass", 0.47), ("rigid", 0.5), ("affine", 0.5)])
def test_two_patients(option: str, least: float) -> None:
    pair = Percentile()(pairreg.build("pair/thorax_ct_2d"))
    assert dice(pair, identity(pair)) < 0.41
    assert dice(pair, pairreg.build(f"initialization/{option}")(pair)) > least


def test_breathing_is_not_made_worse() -> None:
    pair = Percentile()(pairreg.build("pair/thorax_ct_3d"))
    assert dice(pair, pairreg.build("initialization/affine")(pair)) > dice(pair, identity(pair)) - 0.002


@pytest.mark.parametrize(("option", "most"), [("center_of_mass", 10.0), ("affine", 6.2)])
def test_lung_landmarks(option: str, most: float) -> None:
    points = SHARED / "ct_lung_baseline_followup" / "landmarks.json"
    pair = shared("ct_lung_baseline_followup", fixed_landmarks=points, moving_landmarks=points)
    found = pairreg.build(f"initialization/{option}")(pair)
    warped = [found.TransformPoint(p) for p in pair.fixed_landmarks]
    assert np.linalg.norm(warped - pair.moving_landmarks, axis=1).mean() < most


@pytest.mark.parametrize(
    ("name", "degrees", "shift"),
    [("brain2d_known_rigid", 9.9931, (13.0939, 15.9215)), ("brain2d_t1_pd", 0.0, (13.0, 17.0))],
)
@pytest.mark.parametrize("option", ["rigid", "affine"])
def test_published_transforms(name: str, degrees: float, shift: tuple[float, float], option: str) -> None:
    pair = shared(name)
    truth = sitk.Euler2DTransform((110.0, 128.0), np.deg2rad(degrees), shift)
    assert error(pair, pairreg.build(f"initialization/{option}")(pair), truth) < 0.5

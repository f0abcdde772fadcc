"""Starts from anywhere: known transforms of images, closed forms, an independent mutual information."""

import logging
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

import pairreg
from pairreg.geometry import array, image, linear_part
from pairreg.initialization.base import Initialization, not_better
from pairreg.initialization.low_resolution import LowResolution
from pairreg.initialization.rotations import covering
from pairreg.initialization.translations import Translations
from pairreg.pair.pair import Pair
from start_helpers import blobs, dice, error, identity, moved_pair


def wide(option: str = "affine", **settings: object) -> Initialization:
    built: Initialization = pairreg.build(f"initialization/{option}", search="wide", **settings)
    return built


def random_similarity(ndim: int, seed: int, scale: float = 1.25) -> sitk.AffineTransform:
    """Any rotation, at most 300 mm along each axis, and a scale between 1 / `scale` and `scale`."""
    random = np.random.default_rng(seed)
    turn = Rotation.random(rng=random).as_matrix()
    if ndim == 2:
        turn = Rotation.from_euler("z", random.uniform(-np.pi, np.pi)).as_matrix()[:2, :2]
    transform = sitk.AffineTransform(ndim)
    transform.SetMatrix((turn * scale ** random.uniform(-1, 1)).ravel().tolist())
    transform.SetTranslation(random.uniform(-300, 300, ndim).tolist())
    return transform


def recorded_elsewhere(fixed: sitk.Image, truth: sitk.AffineTransform, spacing: float = 1.3) -> sitk.Image:
    """What a scanner with other axes, anisotropic voxels and another contrast shows of `fixed`, moved by `truth`."""
    ndim = fixed.GetDimension()
    coarser = np.linspace(1, spacing, ndim)
    size = np.ceil(np.array(fixed.GetSize()) / coarser).astype(int)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(size.tolist())
    resampler.SetOutputSpacing((np.array(fixed.GetSpacing()) * coarser).tolist())
    resampler.SetOutputDirection(fixed.GetDirection())
    resampler.SetOutputOrigin(fixed.GetOrigin())
    seen = 1 - sitk.Sqrt(sitk.Clamp(resampler.Execute(fixed), sitk.sitkFloat32, 0, 1))
    matrix, scale = linear_part(truth, ndim)[0], abs(np.linalg.det(linear_part(truth, ndim)[0])) ** (1 / ndim)
    seen.SetOrigin(truth.TransformPoint(seen.GetOrigin()))
    seen.SetSpacing((np.array(seen.GetSpacing()) * scale).tolist())
    seen.SetDirection((matrix / scale @ np.reshape(seen.GetDirection(), (ndim, ndim))).ravel().tolist())
    return seen


def determinant(transform: sitk.Transform) -> float:
    return float(np.linalg.det(linear_part(transform, transform.GetDimension())[0]))


@pytest.mark.parametrize(("ndim", "most"), [(2, 5.01), (3, 36.0)])
def test_the_covering_is_near_any_rotation(ndim: int, most: float) -> None:
    rotations = covering(ndim)
    np.testing.assert_allclose(rotations[0], np.eye(ndim))
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.eye(ndim)[None].repeat(len(rotations), 0), atol=1e-12
    )
    wanted = Rotation.random(1000, rng=np.random.default_rng(0)).as_matrix()
    if ndim == 2:
        wanted = Rotation.from_euler("z", np.linspace(0, 2 * np.pi, 1000)[:, None]).as_matrix()[:, :2, :2]
    traces = np.einsum("aij,bij->ab", wanted, rotations).max(1)
    cosines = traces / 2 if ndim == 2 else (traces - 1) / 2
    assert np.degrees(np.arccos(np.clip(cosines, -1, 1))).max() < most


def test_the_information_is_that_of_the_joint_histogram() -> None:
    random = np.random.default_rng(1)
    classes = random.integers(0, 4, (14, 12))
    other = np.array([2, 0, 3, 1])[classes]
    other[random.random(other.shape) < 0.2] = 0
    fixed, moving = (sitk.GetImageFromArray(x.astype(np.float32)) for x in (classes, np.roll(other, (3, -2), (0, 1))))
    information, transform = Translations.of(LowResolution(fixed, moving, None, None), 14, 128).best(np.eye(2), 1.0)
    assert transform.TransformPoint((5.0, 5.0)) == pytest.approx((3.0, 8.0))
    joint = np.zeros((4, 4))
    np.add.at(joint, (classes[:11, 2:], other[:11, 2:]), 1)  # what meets: y + 3 and x - 2 lie in the moving image
    share = joint / joint.sum()
    expected = np.nansum(
        share * np.log(share / (share.sum(0) * share.sum(1)[:, None]), where=share > 0, out=np.zeros_like(share))
    )
    assert information == pytest.approx(expected * joint.sum() / classes.size, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "seed"), [*product([(110, 90)], range(8)), *product([(40, 36, 30)], range(8, 10))])
def test_any_similarity_of_another_recording_is_found(size: tuple[int, ...], seed: int) -> None:
    fixed, truth = blobs(size), random_similarity(len(size), seed)
    pair = Pair(name="p", fixed=fixed, moving=recorded_elsewhere(fixed, truth))
    found = wide()(pair)
    assert error(pair, found, truth) < 1.5
    assert determinant(found) > 0


def test_a_rigid_search_finds_no_scale() -> None:
    fixed, truth = blobs((60, 50)), random_similarity(2, 3, scale=1)
    pair = Pair(name="p", fixed=fixed, moving=recorded_elsewhere(fixed, truth))
    found = wide("rigid")(pair)
    assert error(pair, found, truth) < 1.5
    matrix = linear_part(found, 2)[0]
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-9)
    assert determinant(found) == pytest.approx(1)


def test_a_slab_is_found_in_the_whole() -> None:
    whole, truth = blobs((40, 36, 48)), random_similarity(3, 5)
    pair = Pair(name="p", fixed=whole[:, :, 14:26], moving=recorded_elsewhere(whole, truth))
    assert error(pair, wide()(pair), truth) < 3


def test_two_contrasts_of_a_chest_on_its_back() -> None:
    chest = pairreg.build("preprocessing/percentile")(pairreg.build("pair/thorax_ct_2d"))
    truth = random_similarity(2, 8)
    pair = replace(chest, moving=recorded_elsewhere(chest.fixed, truth))
    found = wide().start(pair)
    assert error(pair, found.transform, truth) < 2
    assert found.warnings == ()
    start = wide()(chest)
    assert dice(chest, start) > max(0.5, dice(chest, identity(chest)))


def test_masks_hide_what_would_mislead_at_any_angle() -> None:
    fixed, truth = blobs((110, 90)), random_similarity(2, 4)
    mask = sitk.BinaryDilate(sitk.Cast(fixed > 0.02, sitk.sitkUInt8), [3, 3])
    bar = sitk.Image(fixed)
    bar[:, :8] = 1.0
    pair = Pair(name="p", fixed=bar, moving=recorded_elsewhere(fixed, truth), fixed_mask=mask)
    assert error(pair, wide()(pair), truth) < 1.5


def test_a_mirror_image_is_not_mirrored_back() -> None:
    fixed = blobs((110, 90))
    pair = Pair(name="p", fixed=fixed, moving=image(array(fixed)[:, ::-1].copy(), fixed))
    assert determinant(wide()(pair)) > 0


def test_threads_change_no_bit() -> None:
    fixed = blobs((60, 50))
    pair = Pair(name="p", fixed=fixed, moving=recorded_elsewhere(fixed, random_similarity(2, 2)))
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = []
    try:
        for threads in (1, 4):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            found.append(wide()(pair).GetParameters())
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    assert found[0] == found[1]


def spots(width: int, *centers: float) -> sitk.Image:
    """Equal upright spots at places along x, on a grid of 40 mm by `width` mm."""
    y, x = np.meshgrid(np.arange(40) - 19.5, np.arange(float(width)), indexing="ij")
    values = sum(np.exp(-(((x - center) / 5) ** 2) - (y / 9) ** 2) for center in centers)
    return sitk.GetImageFromArray(np.asarray(values, np.float32))


def test_a_rival_at_another_angle_is_a_warning() -> None:
    same_upside_down = spots(80, 25, 55)
    (warning,) = [
        text
        for text in wide().start(Pair(name="p", fixed=same_upside_down, moving=same_upside_down)).warnings
        if "doubtful" in text
    ]
    assert warning.startswith("The start of p") and "initialization=file" in warning and "search=wide" not in warning


@pytest.mark.parametrize("start", [("rigid", {}), ("convex", {"linear": "rigid"})])
def test_a_rival_of_the_local_search_leads_to_the_wide_one(start: tuple[str, dict[str, object]]) -> None:
    pair = Pair(name="p", fixed=spots(50, 24.5), moving=spots(100, 24.5, 49.5))  # by coordinates, and by the centres
    option, settings = start
    found = pairreg.build(f"initialization/{option}", **settings).start(pair)
    (warning,) = [text for text in found.warnings if "doubtful" in text]
    assert "initialization.search=wide" in warning


def misled(folder: Path) -> Pair:
    """Files of two images that lie on each other, one of which has a bright bar that draws its centre of mass away."""
    fixed = blobs((60, 50))
    moving = sitk.Image(fixed)
    moving[:6, :] = 1.0
    for name, picture in (("fixed", fixed), ("moving", moving)):
        sitk.WriteImage(picture, folder / f"{name}.nii.gz")
    return pairreg.load_pair(fixed=folder / "fixed.nii.gz", moving=folder / "moving.nii.gz")


def test_a_start_worse_than_before_is_a_warning_of_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pairreg"):
        result = pairreg.register(
            misled(tmp_path), preset="smoke", transform="displacement", initialization="center_of_mass"
        )
    (warning,) = [text for text in caplog.messages if "no better than its scanner coordinates" in text]
    assert "initialization.search=wide" in warning
    assert result.prepared.pair.inputs["moving"].warnings == (warning,)


def test_trust_in_the_coordinates_is_not_doubted(tmp_path: Path) -> None:
    assert pairreg.build("initialization/none").start(misled(tmp_path)).warnings == ()


def test_a_dense_start_is_judged_too() -> None:
    pair, truth = moved_pair((60, 50), (0.0, 6.0))
    filter_ = sitk.TransformToDisplacementFieldFilter()
    filter_.SetReferenceImage(pair.fixed)
    right, wrong = (sitk.DisplacementFieldTransform(filter_.Execute(one)) for one in (truth, truth.GetInverse()))
    back_and_forth = [sitk.TranslationTransform(2, [5.0, 0.0]), sitk.TranslationTransform(2, [-5.0, 0.0])]
    for start, count in ((right, 0), (wrong, 1)):
        assert len(not_better(pair, start, "look")) == count
        # ITK's metric takes no dense transform that others follow
        assert len(not_better(pair, sitk.CompositeTransform([*back_and_forth, start]), "look")) == count

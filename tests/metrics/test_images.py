from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

import pairreg
from pairreg import geometry
from pairreg.evaluate import under_transform
from pairreg.metrics import mse, ncc, pcc, ssim
from pairreg.pair.pair import Pair

SHAPES = [(24, 31), (15, 17, 13)]
ALL = pytest.mark.parametrize("metric", [mse, pcc, ssim, ncc])


def images(shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Smooth images in [0, 1] with a flat background, related but not equal."""
    rng = np.random.default_rng(seed)
    f, g = (gaussian_filter(rng.normal(size=shape), 1.5) for _ in range(2))
    f, w = (np.clip(0.3 + 2 * x, 0, 1) for x in (f, 0.8 * f + 0.3 * g))
    return f, w


@pytest.mark.parametrize("shape", SHAPES)
def test_ssim_is_that_of_scikit_image(shape: tuple[int, ...]) -> None:
    f, w = images(shape)
    options = dict(data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert ssim(f, w) == pytest.approx(structural_similarity(f, w, **options))
    mask = np.zeros(shape)
    mask[tuple(slice(6, -6) for _ in shape)] = 1
    full = structural_similarity(f, w, full=True, **options)[1]
    assert ssim(f, w, mask=mask) == pytest.approx(full[mask > 0].mean())
    assert ssim(10 * f, 10 * w, data_range=10) == pytest.approx(ssim(f, w))


@pytest.mark.parametrize("shape", [(30, 4), (5, 5), (2, 20, 20), (1, 20, 20)])
def test_ssim_of_thin_images_exists(shape: tuple[int, ...]) -> None:
    f, w = images(shape)
    assert ssim(f, f) == pytest.approx(1)
    assert -1 <= ssim(f, w) < 1


def brute_ncc(f: np.ndarray, w: np.ndarray, window: int, mask: np.ndarray) -> float:
    """Window by window with np.cov."""
    radius, total = window // 2, []
    floor = [1e-5 * image[mask].var() + 1e-10 for image in (f, w)]
    for x in np.argwhere(mask):
        around = tuple(slice(max(i - radius, 0), i + radius + 1) for i in x)
        inside = mask[around]
        covariance = np.cov(f[around][inside], w[around][inside], bias=True)
        total.append(covariance[0, 1] ** 2 / ((covariance[0, 0] + floor[0]) * (covariance[1, 1] + floor[1])))
    return float(np.mean(total))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("masked", [False, True])
def test_ncc_equals_a_loop_over_windows(shape: tuple[int, ...], masked: bool) -> None:
    f, w = images(shape)
    mask = np.random.default_rng(1).random(shape) > (0.4 if masked else -1)
    assert ncc(f, w, window=5, mask=mask if masked else None) == pytest.approx(brute_ncc(f, w, 5, mask))


def test_ncc_does_not_see_gain_offset_or_sign_and_flat_windows_count_as_nothing() -> None:
    f, _ = images((40, 40))
    f = f + 0.01 * np.random.default_rng(0).normal(size=f.shape)
    assert ncc(f, 7 - 3 * f) == pytest.approx(1, abs=0.01)
    half = f.copy()
    half[:, :20] = 0.9
    assert ncc(half, half) == pytest.approx(0.6, abs=0.02)  # windows reach 4 voxels into the flat half
    assert ncc(f, np.ones_like(f)) == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("masked", [False, True])
def test_they_are_what_the_similarities_turn_into_losses(shape: tuple[int, ...], masked: bool) -> None:
    from pairreg.similarity.mse import MSE
    from pairreg.similarity.ncc import NCC
    from pairreg.similarity.pcc import PCC
    from pairreg.similarity.ssim import SSIM

    f, w = images(shape)
    mask = (gaussian_filter(np.random.default_rng(3).normal(size=shape), 2) > 0) if masked else None
    assert float(MSE()(f, w, mask)) == pytest.approx(mse(f, w, mask))
    assert 1 - float(PCC()(f, w, mask)) == pytest.approx(pcc(f, w, mask))
    assert 1 - float(NCC()(f, w, mask)) == pytest.approx(ncc(f, w, mask=mask))
    if not masked:  # with a mask the loss keeps its windows inside it, the metric averages scikit-image's map
        assert 1 - float(SSIM()(f, w)) == pytest.approx(ssim(f, w))


def test_mse_and_pcc_by_hand() -> None:
    f, w = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[0.0, 1.0], [2.0, 5.0]])
    assert mse(f, w) == 1
    assert mse(f, w, np.array([[1, 1], [1, 0]])) == 0
    assert pcc(f, w) == pytest.approx(np.corrcoef(f.ravel(), w.ravel())[0, 1])
    assert pcc(f, 4 - f) == pytest.approx(-1)
    assert np.isnan(pcc(f, np.ones_like(f)))


@ALL
def test_nothing_outside_the_mask_counts(metric) -> None:  # type: ignore[no-untyped-def]
    f, w = images((40, 40))
    mask = np.zeros((40, 40))
    mask[12:28, 12:28] = 1
    far = w.copy()
    far[:4] = 5  # further from the mask than any window reaches
    assert metric(f, far, mask=mask) == pytest.approx(metric(f, w, mask=mask))
    assert np.isnan(metric(f, w, mask=np.zeros((40, 40))))


@ALL
def test_float32_images_will_do_and_shapes_have_to_agree(metric) -> None:  # type: ignore[no-untyped-def]
    f, w = images((30, 30))
    assert metric(f.astype(np.float32), w.astype(np.float32)) == pytest.approx(metric(f, w), rel=1e-4)
    with pytest.raises(ValueError, match="differ in shape"):
        metric(f, w[1:])


@pytest.mark.parametrize("ndim", [2, 3])
def test_where_the_moving_image_does_not_reach_is_counted(ndim: int) -> None:
    """A shift along x by 4 of 16 voxels takes a quarter out of sight; a mask of the rest sees none of it."""
    image = sitk.GetImageFromArray(np.random.default_rng(0).random([8, 10, 16][-ndim:], np.float32))
    shift = sitk.TranslationTransform(ndim, [4.0] + [0.0] * (ndim - 1))
    rest = sitk.GetImageFromArray(np.broadcast_to(np.arange(16) < 12, image.GetSize()[::-1]).astype(np.uint8))
    pair = Pair(name="shifted", fixed=image, moving=image)
    found = [
        under_transform(one, transform)["covered_percent"]
        for one, transform in (
            (pair, geometry.identity(ndim)),
            (pair, shift),
            (replace(pair, fixed_mask=rest), shift),
        )
    ]
    assert found == [100, 75, 100]


@pytest.mark.parametrize("limits", [(0.0, 255.0), (-1.0, 1.0), (1.0, 3.0)])
def test_images_are_compared_and_drawn_from_0_to_1_whatever_their_range_is(limits: tuple[float, float]) -> None:
    """Otherwise the constants of SSIM would be of another scale, and a figure would be white."""
    pair = pairreg.build("pair/thorax_ct_2d")
    usual, other = (pairreg.build("preprocessing/percentile", range=one)(pair) for one in ((0.0, 1.0), limits))
    shift = sitk.TranslationTransform(2, (40.0, 0.0))  # what it brings in from outside is part of both
    expected, found = (under_transform(one, shift) for one in (usual, other))
    for name in ("ssim", "mse", "pcc", "ncc"):
        assert found[name] == pytest.approx(expected[name], rel=1e-4), name
    assert geometry.array(other.fixed).max() == pytest.approx(limits[1])
    drawn, usual_drawn = (
        pairreg.register(
            pair,
            preset="smoke",
            method=pairreg.build("method/demons", shrink=[4], iterations=[1]),
            initialization="none",
            preprocessing=pairreg.build("preprocessing/percentile", range=one),
        ).figure_arrays
        for one in (limits, (0.0, 1.0))
    )
    np.testing.assert_allclose(drawn.fixed, usual_drawn.fixed, atol=1e-5)
    np.testing.assert_allclose(drawn.moving, usual_drawn.moving, atol=1e-5)
    assert 0 <= drawn.warped.min() and drawn.warped.max() <= 1 + 1e-5

"""The traps of window statistics, histograms and sums in float32."""

from functools import partial

import numpy as np
import pytest

import pairreg
from pair_helpers import refused
from pairreg.backend import memory, tf
from pairreg.similarity.base import masked_mean
from pairreg.similarity.histogram import joint_histogram, parzen_windows
from pairreg.similarity.windows import box_taps, window_statistics
from similarity_helpers import COMPARING, Array, pair, texture, value, value_and_gradient

VOLUME = (20, 21, 22)


def float32(*images: Array) -> list[Array]:
    return [image.astype(np.float32) for image in images]


@pytest.mark.parametrize("level", [0.3, 0.9, 255.0, 1e4])
@pytest.mark.parametrize("signed", [False, True])
def test_bright_flat_windows_match_nothing(level: float, signed: bool) -> None:
    flat = np.full(VOLUME, level, np.float32)
    assert value("ncc", flat, flat, signed=signed) == 1
    half = np.arange(VOLUME[0]).reshape(-1, 1, 1) < 10
    fixed, warped = (np.where(half, level, level * image) for image in pair(VOLUME))
    exact = value("ncc", fixed, warped, signed=signed)
    # a flat window that is one standard deviation brighter than the image has a variance of 6e-8 from rounding, beside
    # the floor of 1e-5: its r is 0.02 at most
    near = pytest.approx(exact, abs=0.01 if signed else 4e-4)
    assert value("ncc", *float32(fixed, warped), signed=signed) == near
    far = np.zeros(VOLUME, bool)
    far[:10] = True  # windows average over the mask: all of these are flat
    assert value("ncc", *float32(fixed, warped), far, signed=signed) == 1


def test_noise_of_a_flat_background_matches_nothing() -> None:
    rng = np.random.default_rng(0)
    noises = (0.9 + rng.normal(scale=1e-4, size=VOLUME) for _ in range(2))
    body = np.arange(VOLUME[0]).reshape(-1, 1, 1) < 6
    fixed, warped = (np.where(body, texture(VOLUME), noise) for noise in noises)
    exact, single = value("ncc", fixed, warped), value("ncc", *float32(fixed, warped))
    assert single == pytest.approx(exact, abs=1e-4)
    assert single > 0.35  # about the share of the windows that see noise only


@pytest.mark.parametrize("contrast", [1.0, 0.03, 1e-3])
@pytest.mark.parametrize("name", ["ncc", "pcc", "ngf", "mind"])
def test_low_contrast_is_no_obstacle(name: str, contrast: float) -> None:
    """The tolerance is the rounding of the images themselves, 6e-8 beside their contrast."""
    fixed, warped = pair(VOLUME)
    low = float32(*(0.5 + contrast * (image - 0.5) for image in (fixed, warped)))
    assert value(name, *low) == pytest.approx(value(name, fixed, warped), abs=1e-6 + 1e-6 / contrast)


def test_a_dim_image_beside_a_bright_one_keeps_its_digits() -> None:
    fixed, warped = pair(VOLUME)
    single = value("ncc", *float32(fixed, 1000 + warped))
    # 1000 + warped is rounded to 6e-5, and nothing else is lost
    assert single == pytest.approx(value("ncc", fixed, warped), abs=1e-3)


def test_noise_does_not_correlate_at_the_border() -> None:
    rng = np.random.default_rng(0)
    corners = []
    for _ in range(30):
        images = [tf.constant(mean + 0.05 * rng.normal(size=(12, 12, 12)), tf.float32) for mean in (0.8, 0.6)]
        windows = window_statistics(*images, tf.ones((12, 12, 12)), [box_taps(9)] * 3, valid=False)
        r2 = windows.covariance**2 / (windows.variance_fixed * windows.variance_warped)
        corners += [r2[i, j, k] for i in (0, -1) for j in (0, -1) for k in (0, -1)]
    assert np.mean(corners) == pytest.approx(1 / 124, rel=0.3)  # of 125 independent voxels


@pytest.mark.parametrize("kernel", ["box", "gaussian"])
def test_windows_are_centred_and_sum_to_1(kernel: str) -> None:
    loss = pairreg.build("similarity/ncc", kernel=kernel)
    assert loss.taps() == pytest.approx(loss.taps()[::-1]) and loss.taps().sum() == pytest.approx(1)
    fixed, warped = pair(VOLUME)
    expected = float(loss(fixed, warped))
    for axis in range(3):
        assert float(loss(np.flip(fixed, axis), np.flip(warped, axis))) == pytest.approx(expected, abs=1e-12)
    assert float(loss(fixed, fixed)) < 0.01


def test_millions_of_voxels_in_one_cell_are_counted() -> None:
    n = 4200 * 4200  # above 2^24, where float32 stops counting
    image = np.zeros(n, np.float32)
    image[:3] = 1
    joint = joint_histogram(tf.constant(image), tf.constant(image), tf.ones(n), 32, 1.0).numpy()
    dark, bright = (parzen_windows(32, 125, 1.0)[:, i] for i in (0, -1))
    expected = (np.outer(dark, dark) * (n - 3) + np.outer(bright, bright) * 3) / n
    np.testing.assert_allclose(joint, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", ["mi", "nmi"])
def test_a_histogram_that_no_memory_holds_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four numbers of 8 bytes for each pair of cells: 40 per bin and axis at a sigma of 0.1 bins, 4 at one of 1."""
    build = partial(pairreg.build, f"similarity/{name}")
    monkeypatch.setattr(memory, "machine_gb", lambda: 8.0)
    said = "a joint histogram with bins=1024 and sigma=0.1 would need at least 54 GB of memory, of which this machine"
    assert "choose fewer bins or a larger sigma" in refused(said, build, bins=1024, sigma=0.1)
    for settings in ({"bins": 1024}, {"sigma": 0.1}, {"bins": 256, "sigma": 0.1}):
        build(**settings)
    monkeypatch.setattr(memory, "machine_gb", lambda: 0.99 * 32 * (40 * 255 + 1) ** 2 / 1e9)  # 3.3
    refused("bins=256 and sigma=0.1", build, bins=256, sigma=0.1)


def test_means_over_millions_of_voxels_are_exact() -> None:
    """XLA adds float32 one by one: the mean of these was 1 % off."""
    compiled = tf.function(masked_mean, jit_compile=True)
    assert float(compiled(tf.fill((4200, 4200), 0.9), tf.ones((4200, 4200)))) == np.float32(0.9)


def test_the_background_exerts_no_force() -> None:
    """Black voxels of both images, where ratios of vanishing variances could blow up."""
    fixed, warped = (np.where(np.arange(22) < 11, 0, image) for image in pair(VOLUME))
    for name in ("ncc", "pcc", "ngf", "mind", "ncc_published"):
        _, gradient = value_and_gradient(pairreg.build(f"similarity/{name}"), fixed, warped)
        assert abs(gradient[..., :5]).max() <= abs(gradient[..., 11:]).max()


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 1e-3])
@pytest.mark.parametrize("name", COMPARING)
def test_contrast_in_a_millionth_of_the_voxels_has_a_gradient(name: str, scale: float) -> None:
    fixed, warped = (np.zeros((100, 100, 100), np.float32) for _ in range(2))
    fixed[50, 50, 50], warped[50, 50, 51] = scale, scale
    similarity = pairreg.build(f"similarity/{name}")

    @tf.function(jit_compile=True)  # XLA turns x/y/y into x/(y·y), which underflows
    def loss_and_gradient(f, w):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            tape.watch(w)
            loss = similarity(f, w)
        return loss, tape.gradient(loss, w)

    loss, gradient = loss_and_gradient(tf.constant(fixed), tf.constant(warped))
    assert np.isfinite(loss.numpy()) and np.isfinite(gradient.numpy()).all()

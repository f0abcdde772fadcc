import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pairreg.backend import tf
from regularizer_helpers import NDIMS, SPACINGS, build, noise

SHAPES = {2: (40, 36), 3: (24, 40, 30)}
SIGMA = 2.1  # mm: 0.7 to 3 voxels


def smoothed(
    field: np.ndarray, spacing: tuple[float, ...], sigma: float = SIGMA, dtype: type = np.float64
) -> np.ndarray:
    return np.asarray(build("gaussian_smoothing", sigma=sigma).constrain(tf.constant(field, dtype), spacing))


def by_scipy(field: np.ndarray, spacing: tuple[float, ...], **border: object) -> np.ndarray:
    voxels = [SIGMA / h for h in spacing]
    parts = [gaussian_filter(field[..., c], voxels, truncate=50, **border) for c in range(field.shape[-1])]
    return np.stack(parts, axis=-1)


@NDIMS
def test_scipy_in_the_interior(ndim: int) -> None:
    field = noise(SHAPES[ndim])
    inner = tuple(slice(m, -m) for m in [int(np.ceil(5 * SIGMA / h)) for h in SPACINGS[ndim]])
    ours, theirs = smoothed(field, SPACINGS[ndim])[inner], by_scipy(field, SPACINGS[ndim])[inner]
    assert ours.size > 0
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@NDIMS
def test_scipy_everywhere_renormalised(ndim: int) -> None:
    """Zeros outside, divided by what the same does to ones: the weights of the voxels inside sum to 1."""
    field = noise(SHAPES[ndim])
    ones = by_scipy(np.ones_like(field), SPACINGS[ndim], mode="constant")
    theirs = by_scipy(field, SPACINGS[ndim], mode="constant") / ones
    np.testing.assert_allclose(smoothed(field, SPACINGS[ndim]), theirs, atol=1e-12)
    np.testing.assert_allclose(smoothed(field, SPACINGS[ndim], dtype=np.float32), theirs, atol=2e-6)


@NDIMS
@pytest.mark.parametrize("sigma", [0.01, 1.0, 7.0, 1000.0])
def test_a_translation_stays_up_to_the_border(ndim: int, sigma: float) -> None:
    field = np.full((*SHAPES[ndim], ndim), -12.3, np.float32)
    np.testing.assert_allclose(smoothed(field, SPACINGS[ndim], sigma, np.float32), field, rtol=1e-6)


def test_the_same_width_in_mm_along_every_axis() -> None:
    field = np.zeros((61, 31, 2))
    field[30, 15] = 1
    blob = smoothed(field, (1.0, 2.0), sigma=5.0)[..., 0]
    for axis, spacing in enumerate((1.0, 2.0)):
        profile = blob.sum(axis=1 - axis)
        x = (np.arange(len(profile)) - len(profile) // 2) * spacing
        assert np.sqrt((profile * x**2).sum() / profile.sum()) == pytest.approx(5, rel=1e-3)


def test_sigma_zero_changes_nothing_and_a_small_one_hardly() -> None:
    field = noise((8, 9))
    assert np.array_equal(smoothed(field, (1, 1), sigma=0.0), field)
    np.testing.assert_allclose(smoothed(field, (1, 1), sigma=0.1), field, atol=1e-12)


def test_a_large_sigma_leaves_the_mean() -> None:
    field = noise((8, 9))
    expected = np.broadcast_to(field.mean(axis=(0, 1)), field.shape)
    np.testing.assert_allclose(smoothed(field, (1, 1), sigma=1e4), expected, atol=1e-6)


def test_wrong_shapes() -> None:
    with pytest.raises(ValueError, match="field should be"):
        smoothed(np.zeros((4, 5, 3)), (1, 1, 1))
    with pytest.raises(ValueError, match="spacing should have 2 numbers"):
        smoothed(np.zeros((4, 5, 2)), (1, 1, 1))


def test_it_smooths_but_does_not_penalise() -> None:
    term = build("gaussian_smoothing")
    assert not term.has_penalty
    field = noise((20, 22))
    assert smoothed(field, (1, 1), sigma=3.0).std() < 0.2 * field.std()

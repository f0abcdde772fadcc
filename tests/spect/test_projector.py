"""The projector against closed forms: points, uniform cylinders, and the definition of an adjoint."""

import numpy as np
import pytest

from pairreg import InputError
from pairreg.spect import Camera, Projector
from pairreg.spect.camera import FWHM

SHARP = {"hole": 0.0, "intrinsic": 0.0}
PITCH = 4.0


def square(value: float = 0.0, size: int = 64) -> np.ndarray:
    return np.full((1, size, size), value)


def bins(projector: Projector) -> np.ndarray:
    """Positions in mm from the axis."""
    return (np.arange(projector.bins) - projector.bins // 2) * projector.pitch


@pytest.mark.parametrize("shape", [(7, 15, 18), (1, 20, 13)])
@pytest.mark.parametrize("views", [slice(None), slice(1, None, 3)])
def test_the_adjoint_is_the_transpose(shape: tuple[int, ...], views: slice) -> None:
    rng = np.random.default_rng(0)
    projector = Projector(rng.uniform(0, 0.3, shape), (6.0, 4.0, 5.0), Camera(views=9))
    x = rng.normal(size=shape)
    ax = projector.forward(x, views)
    y = ax + rng.normal(size=ax.shape)
    back = projector.adjoint(y, views)
    assert ax.dtype == back.dtype == np.float64
    assert (x * back).sum() == pytest.approx((ax * y).sum(), rel=1e-12)
    single = projector.forward(x.astype(np.float32), views)
    assert single.dtype == np.float32 and np.allclose(single, ax, atol=1e-4)


def test_without_attenuation_every_view_counts_everything() -> None:
    rng = np.random.default_rng(0)
    activity = np.zeros((21, 40, 40))
    activity[8:13, 12:28, 10:30] = rng.uniform(size=(5, 16, 20))
    projections = Projector(np.zeros_like(activity), (PITCH,) * 3, Camera(views=7)).forward(activity)
    assert projections.sum(axis=(1, 2)) == pytest.approx(activity.sum(), rel=1e-4)


def test_a_point_is_seen_where_it_is_and_as_wide_as_the_camera_says() -> None:
    """Sharing a point among two bins at `f` and `1 - f` adds `f (1 - f)` to its variance, no less and no more."""
    camera = Camera(views=8)
    row, column = 20, 45
    y, x = ((i - 31.5) * PITCH for i in (row, column))
    activity = square()
    activity[0, row, column] = 1.0
    projector = Projector(square(), (PITCH,) * 3, camera)
    for angle, profile in zip(camera.angles, projector.forward(activity)[:, 0], strict=True):
        across, toward = x * np.cos(angle) + y * np.sin(angle), x * np.sin(angle) - y * np.cos(angle)
        mean = (profile * bins(projector)).sum()
        assert mean == pytest.approx(across, abs=0.01)
        half = projector.bins // 2
        places = half - toward / PITCH
        near, share = np.floor(places), places - np.floor(places)
        variances = (camera.fwhm(camera.radius + (np.array([near, near + 1]) - half) * PITCH) / FWHM) ** 2
        split = (across / PITCH) % 1
        expected = (1 - share) * variances[0] + share * variances[1] + split * (1 - split) * PITCH**2
        assert (profile * (bins(projector) - mean) ** 2).sum() == pytest.approx(expected, rel=1e-3)


def test_the_first_view_is_from_the_front_and_a_quarter_turn_later_from_the_left() -> None:
    """The nearer to the camera, the sharper."""
    near_front, near_left = square(), square()
    near_front[0, 8, 31], near_left[0, 31, 55] = 1, 1  # LPS: rows go to the back, columns to the left
    projector = Projector(square(), (PITCH,) * 3, Camera(views=4))
    for activity, best in ((near_front, 0), (near_left, 1)):
        assert projector.forward(activity)[:, 0].max(axis=1).argmax() == best


def test_the_resolution_is_that_of_the_collimator() -> None:
    """At 100 mm: 1.11 (1 + 100 / 23.3) = 5.87 mm of the collimator and 3.8 mm of the crystal in quadrature."""
    assert Camera().fwhm(np.array(100.0)) == pytest.approx(6.996, abs=0.005)
    far = Camera(intrinsic=0.0).fwhm(np.array([0.0, 100.0, 200.0]))
    assert np.diff(far, 2) == pytest.approx(0) and far[0] == pytest.approx(1.11)


@pytest.mark.parametrize("mu", [0.0, 0.15])
def test_a_point_in_a_slab_is_attenuated_exponentially(mu: float) -> None:
    first, depth, last = 12, 20, 51  # rows; air around the slab
    activity, material = square(), square()
    activity[0, depth, 32] = 1.0
    material[0, first : last + 1] = mu
    projector = Projector(material, (PITCH,) * 3, Camera(views=2, **SHARP))
    path = np.array([depth - first + 0.5, last - depth + 0.5]) * PITCH / 10  # cm, from front and back
    assert projector.forward(activity).sum(axis=(1, 2)) == pytest.approx(np.exp(-mu * path), rel=0.002)


@pytest.mark.parametrize("mu", [1e-6, 0.15])
def test_a_cylinder_has_the_profile_of_its_chords(mu: float) -> None:
    pitch, radius = 2.0, 80.0
    y, x = np.meshgrid(*[(np.arange(128) - 63.5) * pitch] * 2, indexing="ij")
    disc = np.clip(0.5 + (radius - np.hypot(y, x)) / pitch, 0, 1)[None]
    projector = Projector(disc * mu, (pitch,) * 3, Camera(views=6, **SHARP))
    profiles = projector.forward(disc)[:, 0] * pitch / 10  # cm
    at = bins(projector)
    within = np.abs(at) < 0.9 * radius
    chords = 2 * np.sqrt(radius**2 - at[within] ** 2) / 10
    expected = -np.expm1(-mu * chords) / mu
    smooth = [np.convolve(p, [0.25, 0.5, 0.25], "same")[within] for p in profiles]
    assert np.abs(np.stack(smooth) / expected - 1).max() < 0.03
    assert np.abs(np.mean(smooth, axis=1) / expected.mean() - 1).max() < 0.005


def test_the_camera_stays_outside_the_patient() -> None:
    with pytest.raises(InputError, match=r"radius 100 mm is too small; give 180 mm or more\."):
        Projector(square(), (PITCH,) * 3, Camera(radius=100))
    with pytest.raises(InputError, match="views should be at least 1; it is 0"):
        Camera(views=0)

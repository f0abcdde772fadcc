"""Intensities on grids with larger voxels: means over them, against closed forms."""

import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import refused
from pairreg import geometry
from pairreg.sampling import sample_positions

IDENTITY = geometry.identity(3)


def image(values: np.ndarray, spacing: tuple[float, ...]) -> sitk.Image:
    """The values on a grid whose first voxel begins at 0 mm."""
    result = sitk.GetImageFromArray(values)
    result.SetSpacing(spacing)
    result.SetOrigin([h / 2 for h in spacing])
    return result


def grid(size: tuple[int, ...], spacing: tuple[float, ...], turn: float = 0.0, centre: float = 20.0) -> sitk.Image:
    """A grid around `centre` on all axes, turned by `turn` in its first plane."""
    result = sitk.Image(size, sitk.sitkUInt8)
    result.SetSpacing(spacing)
    c, s = np.cos(turn), np.sin(turn)
    direction = np.eye(len(size))
    direction[:2, :2] = [[c, -s], [s, c]]
    result.SetDirection(direction.ravel().tolist())
    half = (np.array(size) - 1) / 2 * spacing
    result.SetOrigin((centre - direction @ half).tolist())
    return result


@pytest.fixture(scope="module")
def noise() -> sitk.Image:
    return image(np.random.default_rng(0).normal(size=(80, 80, 80)).astype(np.float32), (0.5,) * 3)


@pytest.mark.parametrize("factors", [(8, 8, 8), (2, 2, 2), (5, 5, 5), (1, 1, 8), (4, 1, 2)])
def test_aligned_grids_have_the_means_of_the_voxels_that_they_hold(noise, factors):
    """Also along one axis only; 8 voxels are averaged in two steps."""
    coarse = grid(tuple(80 // f for f in factors), tuple(0.5 * f for f in factors))
    split = [k for f in factors[::-1] for k in (80 // f, f)]
    expected = geometry.array(noise).reshape(split).mean((1, 3, 5))
    found = geometry.array(geometry.resample(noise, coarse, IDENTITY))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert geometry.coverage(noise, coarse, IDENTITY).all()


@pytest.mark.parametrize("turn", [0.0, 0.4, np.pi / 4])
@pytest.mark.parametrize("spacing", [(4.0, 4.0, 4.0), (2.3, 2.3, 2.3), (0.5, 4.0, 0.5), (1.5, 1.5, 3.0)])
def test_white_noise_does_not_alias(noise, spacing, turn):
    """No grid keeps more of it than means over its voxels do; linear interpolation keeps .36 to 1."""
    turned = grid(tuple(int(26 / h) for h in spacing), spacing, turn)
    found = geometry.array(geometry.resample(noise, turned, IDENTITY))
    voxel_mean = np.sqrt(0.5**3 / np.prod(spacing))
    assert 0.75 * voxel_mean < found.std() < 1.1 * voxel_mean


def test_scaling_by_the_initialisation_counts(noise):
    scale = sitk.AffineTransform((np.eye(3) * 4).ravel().tolist(), [0.0] * 3)
    fine = grid((8, 8, 8), (1.0, 1.0, 1.0), centre=5.0)
    found = geometry.array(geometry.resample(noise, fine, scale))
    assert found.std() < 0.05


@pytest.mark.parametrize("spacing", [(4.0, 4.0, 4.0), (0.7, 1.1, 5.0), (2.0, 0.3, 1.0)])
@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_constants_and_ramps_stay(spacing, turn):
    ramp = image(np.zeros((80, 80, 80), np.float64), (0.5,) * 3)
    slopes = np.array([0.3, -1.0, 2.0])
    ramp = geometry.image(geometry.voxel_points(ramp) @ slopes + 7, ramp)
    turned = grid(tuple(max(1, int(20 / h)) for h in spacing), spacing, turn)
    found = geometry.array(geometry.resample(ramp, turned, IDENTITY))
    np.testing.assert_allclose(found, geometry.voxel_points(turned) @ slopes + 7, atol=1e-10)


@pytest.mark.parametrize("turn", [0.0, 0.7])
@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (0.3, 0.5, 0.2), (0.74, 0.5, 0.6)])
def test_voxels_that_are_hardly_larger_are_interpolated_linearly_to_the_bit(noise, spacing, turn):
    same = grid((30, 30, 30), spacing, turn)
    expected = sitk.Resample(noise, same, IDENTITY, sitk.sitkLinear, -1.0)
    np.testing.assert_array_equal(
        geometry.array(geometry.resample(noise, same, IDENTITY, fill=-1.0)), geometry.array(expected)
    )


def test_samples_spread_as_far_as_the_voxel():
    """Their variance and that over a voxel of the image add up to the variance over a voxel of the grid, w²/12."""
    fine, widths = sitk.Image((20, 20), sitk.sitkUInt8), [1.6, 2.0, 2.5, 3.0, 7.7]
    spread = [sample_positions(fine, grid((5, 5), (w, w)), geometry.identity(2))[0].std() * w for w in widths]
    np.testing.assert_allclose(np.square(spread) + 1 / 12, np.square(widths) / 12)


def test_the_type_of_the_voxels_stays():
    """Means of whole numbers are rounded; those of vectors are by component."""
    whole = image(np.random.default_rng(0).integers(-1000, 1000, (8, 8)).astype(np.int16), (1.0, 1.0))
    coarse = grid((4, 4), (2.0, 2.0), centre=4.0)
    found = geometry.resample(whole, coarse, geometry.identity(2))
    expected = np.rint(geometry.array(whole).reshape(4, 2, 4, 2).mean((1, 3)))
    assert found.GetPixelID() == sitk.sitkInt16
    np.testing.assert_array_equal(geometry.array(found), expected)
    vectors = sitk.Compose(whole, 2 * whole)
    both = geometry.array(geometry.resample(vectors, coarse, geometry.identity(2)))
    np.testing.assert_allclose(both[..., 0], geometry.array(whole).reshape(4, 2, 4, 2).mean((1, 3)), atol=0.5)
    np.testing.assert_allclose(both[..., 1], 2 * geometry.array(whole).reshape(4, 2, 4, 2).mean((1, 3)), atol=0.5)


def test_labels_are_never_averaged():
    labels = image(np.random.default_rng(0).choice([3, 200], (8, 8)).astype(np.uint8), (1.0, 1.0))
    coarse = grid((4, 4), (2.0, 2.0), centre=4.0)
    for interpolation in ("nearest", "label"):
        found = geometry.array(geometry.warp_image(labels, coarse, geometry.identity(2), interpolation))
        assert set(np.unique(found)) <= {3, 200}


def test_another_interpolation_is_refused_by_name():
    labels = grid((4, 4), (2.0, 2.0))
    said = "interpolation 'cubic' is not one of linear, nearest, label"
    refused(said, geometry.warp_image, labels, labels, geometry.identity(2), "cubic")


def test_a_voxel_that_reaches_out_of_the_image_is_not_covered(noise):
    """None of its samples may be a filling value; its centre alone says nothing."""
    out = grid((10, 10, 10), (4.0, 4.0, 4.0), centre=21.5)
    inside = geometry.coverage(noise, out, IDENTITY)
    upper = geometry.voxel_points(out).max(-1) + 2 * 7 / 8  # the last of 8 samples
    np.testing.assert_array_equal(inside, upper < 40)
    known = geometry.array(geometry.resample(noise, out, IDENTITY, fill=1e6))
    assert abs(known[inside]).max() < 1


@pytest.mark.parametrize("width", [1e9, 1e4])
def test_a_voxel_far_wider_than_the_image_takes_few_samples(noise, width):
    """As of a transform that has diverged."""
    enlarged = sitk.AffineTransform(3)
    enlarged.SetMatrix((width * np.eye(3)).ravel().tolist())
    assert max(map(len, sample_positions(noise, noise, enlarged))) <= 16
    assert np.isfinite(geometry.array(geometry.resample(noise, noise, enlarged))).all()
    assert not geometry.coverage(noise, noise, enlarged).all()

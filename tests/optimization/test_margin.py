"""Tissue that comes in over the border of the fixed grid is found, because the moving image is known beyond it."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, map_coordinates

import pairreg
from pairreg import geometry
from pairreg.backend import tf
from pairreg.optimization.resampled_pair import resample_pair
from pairreg.pair.pair import Pair
from pairreg.schedule.base import level_factors
from pairreg.transform.warp import inner, usable_cells, warp

SHIFT = 9.0  # mm: from so far beyond the right border tissue comes in


def texture(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 3)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


def true_shift(x: np.ndarray, size: int) -> np.ndarray:
    """Displacement along x in mm: 0 at the left border, `SHIFT` at the right one, most of it on the last third."""
    return SHIFT * (x / (size - 1)) ** 4


def cropped_pair(ndim: int = 2, size: int = 60, around: int = 30) -> Pair:
    """A moving image, and the middle of it under `true_shift`."""
    moving = sitk.GetImageFromArray(texture((size + 2 * around,) * ndim))
    moving.SetOrigin([-float(around)] * ndim)
    fixed = sitk.Image([size] * ndim, sitk.sitkFloat32)
    shift = np.zeros((*[size] * ndim, ndim))
    shift[..., 0] = true_shift(np.arange(size), size)
    transform = geometry.displacement_transform(geometry.image(shift, fixed, vector=True))
    return Pair(name="cropped", fixed=geometry.resample(moving, fixed, transform), moving=moving)


def test_what_comes_in_over_the_border_is_found():
    result = pairreg.register(
        cropped_pair(),
        preset="fast",
        initialization="none",
        preprocessing="minmax",
        similarity="ncc",
        regularizer=pairreg.build("regularizer/diffusion", weight=0.1),
    )
    error = abs(result.field[..., 1] - true_shift(np.arange(60), 60))
    assert error[5:-5, -12:].mean() < 1 and error[5:-5].mean() < 0.4  # without a margin 2.8 and 0.8


@pytest.mark.parametrize("transform", pairreg.options("transform"))
@pytest.mark.parametrize("ndim", [2, 3])
def test_every_transform_takes_it(transform, ndim):
    """Networks, too, which see the moving image on the fixed grid; on levels whose blocks do not fit the margin."""
    small = {"depth": 1, "width": 4} if transform == "unet" else {}
    result = pairreg.register(
        cropped_pair(ndim, 23, 13),
        initialization="none",
        transform=pairreg.build(f"transform/{transform}", **small),
        similarity="mse",
        schedule=pairreg.build("schedule/coarse_to_fine", scales=[2, 1], iterations=[20, 20]),
    )
    assert np.isfinite(result.field).all() and min(result.history["loss"]) < result.history["loss"][0]


@pytest.mark.parametrize("margin", [(0, 0), (3, 0), (4, 7)])
def test_the_warp_of_a_larger_image(margin):
    """As SciPy has it: positions count from the middle."""
    shape = (9, 11)
    wide = texture(tuple(n + 2 * m for n, m in zip(shape, margin, strict=True)))
    field = np.random.default_rng(1).uniform(-9, 9, (*shape, 2)).astype(np.float32)
    warped, covered = warp(tf.constant(wide), tf.constant(field), usable_cells(np.ones(wide.shape, bool)))
    at = np.moveaxis(np.indices(shape), 0, -1) + field + margin
    expected = map_coordinates(wide, np.moveaxis(at, -1, 0), order=1, mode="nearest")
    np.testing.assert_allclose(warped, expected, atol=1e-5)
    np.testing.assert_array_equal(covered, ((at >= 0) & (at <= np.array(wide.shape) - 1)).all(-1))
    np.testing.assert_array_equal(
        inner(wide, shape), wide[margin[0] : margin[0] + shape[0], margin[1] : margin[1] + shape[1]]
    )


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_blocks_of_a_level_line_up(scale):
    """The middle of a level is the level without a margin, but for blocks that end beyond the grid."""
    pair = cropped_pair(size=41)
    near = Pair(name="near", fixed=pair.fixed, moving=geometry.resample(pair.moving, pair.fixed, geometry.identity(2)))
    wide, narrow = (resample_pair(one, geometry.identity(2)) for one in (pair, near))
    assert (wide.margin, narrow.margin) == ((10, 10), (0, 0))
    grid = wide.grid(level_factors(wide.fixed.shape, wide.spacing, scale))
    level, plain = wide.level(grid), narrow.level(grid)
    middle = inner(level["moving"], grid.shape)
    whole = tuple(slice(0, 41 // f) for f in grid.factors)
    np.testing.assert_array_equal(middle[whole], plain["moving"][whole])
    assert middle.shape == plain["moving"].shape == level["fixed"].shape
    assert level["usable"].shape == level["moving"].shape == tuple(n + 2 * (10 // scale) for n in grid.shape)
    np.testing.assert_array_equal(wide.inner_moving, narrow.moving)


def test_a_sliver_beyond_the_border_changes_nothing():
    """Corners that a rotation turns out: the same arrays, hence the same bytes, as without them."""
    fixed = sitk.GetImageFromArray(texture((60, 60)))
    turn = sitk.Euler2DTransform((29.5, 29.5), 0.02)
    assert resample_pair(Pair(name="p", fixed=fixed, moving=fixed), turn).margin == (0, 0)

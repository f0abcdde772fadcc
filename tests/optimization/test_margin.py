"""Tissue that comes in over the border of the fixed grid is found, because the moving image is known beyond it."""

import dataclasses

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


def texture(shape: tuple[int, ...], seed: int = 0, widths: tuple[int, ...] = (3,)) -> np.ndarray:
    layers = [gaussian_filter(np.random.default_rng(seed + w).normal(size=shape), w) for w in widths]
    smooth = sum(layer / layer.std() for layer in layers)
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


FACES = {
    "left": [0, -1],
    "right": [0, 1],
    "top": [-1, 0],
    "bottom": [1, 0],
    "corner": [1, -1],
    "front": [-1, 0, 0],
    "back": [1, 0, 0],
    "corner of three": [-1, 1, 1],
}


@pytest.mark.slow
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("turned", [False, True])
def test_tissue_that_comes_in_over_each_border_is_found(face, turned):
    """Up to 4 voxels, in the middle of a face or at a corner; the same if the grids are turned in space."""
    outwards = np.array(FACES[face], float)
    pair, truth, near = incoming_pair(outwards, turned)
    result = pairreg.register(
        pair,
        preprocessing="minmax",
        initialization="none",
        transform=pairreg.build("transform/displacement"),
        similarity="ncc",
        regularizer=pairreg.build("regularizer/diffusion", weight=0.1),
        schedule=pairreg.build("schedule/coarse_to_fine", scales=[4, 2, 1], iterations=[100, 100, 60]),
    )
    error = np.linalg.norm(result.field - truth, axis=-1)
    assert np.linalg.norm(truth, axis=-1)[near].mean() > 3
    assert error[near].mean() < 1 and error.mean() < 0.3


def incoming_pair(outwards: np.ndarray, turned: bool, around: int = 12) -> tuple[Pair, np.ndarray, np.ndarray]:
    """A pair, its field in voxels, and where that is large: at the border, where it points `outwards`."""
    ndim = len(outwards)
    size = 48 if ndim == 2 else 32
    fixed = sitk.Image([size] * ndim, sitk.sitkFloat32)
    if turned:
        fixed.SetDirection(np.linalg.qr(np.random.default_rng(2).normal(size=(ndim, ndim)))[0].ravel().tolist())
        fixed.SetOrigin([50.0] * ndim)
    wide = sitk.ConstantPad(fixed, [around] * ndim, [around] * ndim)
    at = np.moveaxis(np.indices((size,) * ndim), 0, -1)
    weight = np.exp(-((at - (size - 1) * (1 + outwards) / 2) ** 2).sum(-1) / (2 * (size / (7 - ndim)) ** 2))
    field = 4 * weight[..., None] * outwards / np.linalg.norm(outwards)
    shift = geometry.total_displacement(field, fixed, geometry.identity(ndim))
    moving = geometry.image(
        texture((size + 2 * around,) * ndim, widths=(6 - ndim, 8)), wide
    )  # finer on the smaller grid
    warped = geometry.resample(moving, fixed, geometry.displacement_transform(shift))
    return Pair(name="incoming", fixed=warped, moving=moving), field, weight > 0.75


@pytest.mark.slow
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


@pytest.mark.parametrize(("before", "after"), [((0, 0), (0, 0)), ((3, 0), (0, 2)), ((4, 7), (4, 7))])
def test_the_warp_of_a_larger_image(before, after):
    """As SciPy has it: positions count from where the grid of the field begins."""
    shape = (9, 11)
    wide = texture(tuple(b + n + a for b, n, a in zip(before, shape, after, strict=True)))
    field = np.random.default_rng(1).uniform(-9, 9, (*shape, 2)).astype(np.float32)
    usable = usable_cells(np.ones(wide.shape, bool))
    warped, covered = warp(tf.constant(wide), tf.constant(field), usable, tf.constant(before))
    at = np.moveaxis(np.indices(shape), 0, -1) + field + before
    expected = map_coordinates(wide, np.moveaxis(at, -1, 0), order=1, mode="nearest")
    np.testing.assert_allclose(warped, expected, atol=1e-5)
    np.testing.assert_array_equal(covered, ((at >= 0) & (at <= np.array(wide.shape) - 1)).all(-1))
    np.testing.assert_array_equal(
        inner(wide, before, shape), wide[before[0] : before[0] + shape[0], before[1] : before[1] + shape[1]]
    )


def beyond(fixed: sitk.Image, *reach: tuple[int, int]) -> sitk.Image:
    """Texture that reaches so many voxels beyond the grid, before and after each axis (array axis order)."""
    before, after = zip(*reach[::-1], strict=True)
    whole = sitk.ConstantPad(fixed, before, after)
    return geometry.image(texture(whole.GetSize()[::-1]), whole)


@pytest.mark.parametrize(
    ("reach", "before", "size"),
    [
        (((0, 0), (0, 0)), (0, 0), (64, 72)),
        (((3, 3), (0, 3)), (0, 0), (64, 72)),  # less than a twentieth of a side
        (((4, 0), (0, 0)), (8, 0), (80, 72)),  # as far as the margin for one side is
        (((0, 16), (0, 0)), (0, 0), (80, 72)),
        (((16, 9), (0, 5)), (16, 0), (96, 88)),
        (((99, 99), (99, 99)), (16, 16), (96, 104)),
    ],
)
def test_the_margin_lies_where_the_moving_image_reaches(reach, before, size):
    """In one of three sizes per axis: none, as for one side, as for both."""
    fixed = sitk.GetImageFromArray(texture((64, 72)))
    moving = beyond(fixed, *reach)
    prepared = resample_pair(Pair(name="p", fixed=fixed, moving=moving), geometry.identity(2))
    assert (prepared.wide.before, prepared.moving.shape) == (before, size)
    known = geometry.array(geometry.resample(moving, prepared.wide.grid, geometry.identity(2), fill=-1.0))
    np.testing.assert_array_equal(prepared.moving_mask, known >= 0)
    np.testing.assert_array_equal(prepared.moving[known >= 0], known[known >= 0])


def test_pairs_of_one_size_need_few_programs():
    """Each axis has one of three sizes, wherever the moving image lies."""
    fixed, drawn = sitk.GetImageFromArray(texture((64, 72))), np.random.default_rng(0)
    sizes = set()
    for _ in range(30):
        moving = sitk.GetImageFromArray(texture(tuple(drawn.integers(30, 120, 2).tolist())))
        moving.SetOrigin(drawn.uniform(-30, 20, 2).tolist())
        sizes.add(resample_pair(Pair(name="p", fixed=fixed, moving=moving), geometry.identity(2)).moving.shape)
    assert 2 < len(sizes) <= 9


def test_the_wide_grid_has_less_than_five_times_the_voxels():
    """However flat the fixed grid is."""
    for size, spacing in (((60,) * 3, (1, 1, 1)), ((120, 120, 5), (1, 1, 8)), ((9, 300, 40), (9, 0.5, 1))):
        fixed = sitk.Image(size, sitk.sitkFloat32)
        fixed.SetSpacing([float(h) for h in spacing])
        moving = sitk.GetImageFromArray(texture((6, 7, 8)))
        moving.SetSpacing([500.0] * 3)
        moving.SetOrigin([-1500.0] * 3)
        prepared = resample_pair(Pair(name="p", fixed=fixed, moving=moving), geometry.identity(3))
        assert prepared.moving_mask.all() and 2 < prepared.moving.size / prepared.fixed.size < 5


def test_what_a_mask_leaves_out_makes_no_margin():
    pair = cropped_pair(size=64)
    inside = sitk.Cast(pair.fixed, sitk.sitkUInt8) * 0 + 1
    masked = dataclasses.replace(pair, moving_mask=sitk.ConstantPad(inside, [0, 0], [12, 0], 1))
    prepared = resample_pair(masked, geometry.identity(2))
    assert prepared.wide.before == (0, 0) and prepared.moving.shape == (64, 80)
    assert prepared.moving_mask.sum() == 64 * 76 and prepared.moving_mask[:, :76].all()


def test_what_lies_further_than_the_margin_does_not_count():
    """The same arrays, hence the same bytes: an image that is cropped or padded there."""
    pair = cropped_pair(size=64, around=50)
    large, small = (
        resample_pair(dataclasses.replace(pair, moving=moving), geometry.identity(2))
        for moving in (pair.moving, sitk.Crop(pair.moving, [30] * 2, [30] * 2))
    )
    for wide in (large, small):
        assert wide.wide.before == (16, 16)
    assert large.moving.shape == small.moving.shape == (96, 96)
    np.testing.assert_array_equal(large.moving_mask, small.moving_mask)
    np.testing.assert_array_equal(large.moving, small.moving)


@pytest.mark.parametrize("scale", [1, 2, 3, 8])
def test_blocks_of_a_level_line_up(scale):
    """The middle of a level is the level without a margin, but for blocks that end beyond the grid."""
    pair = cropped_pair(size=67)
    near = Pair(name="near", fixed=pair.fixed, moving=geometry.resample(pair.moving, pair.fixed, geometry.identity(2)))
    wide, narrow = (resample_pair(one, geometry.identity(2)) for one in (pair, near))
    assert (wide.wide.before, narrow.wide.before) == ((16, 16), (0, 0))
    grid = wide.grid(level_factors(wide.fixed.shape, wide.spacing, scale))
    level, plain = wide.level(grid), narrow.level(grid)
    middle = inner(level["moving"], level["before"], grid.shape)
    whole = tuple(slice(0, 67 // f) for f in grid.factors)
    np.testing.assert_array_equal(middle[whole], plain["moving"][whole])
    assert middle.shape == plain["moving"].shape == level["fixed"].shape
    assert level["usable"].shape == level["moving"].shape == tuple(n + 32 // scale for n in grid.shape)
    np.testing.assert_array_equal(wide.inner_moving, narrow.moving)


def test_a_sliver_beyond_the_border_changes_nothing():
    """Corners that a rotation turns out: the same arrays, hence the same bytes, as without them."""
    fixed = sitk.GetImageFromArray(texture((60, 60)))
    turn = sitk.Euler2DTransform((29.5, 29.5), 0.02)
    assert resample_pair(Pair(name="p", fixed=fixed, moving=fixed), turn).moving.shape == (60, 60)

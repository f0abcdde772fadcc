"""What holds for the transforms whose parameters are vectors on a grid, and for every transform between levels."""

import numpy as np
import pytest
import tensorflow as tf

import pairreg
from pairreg.metrics import folds_percent, inverse_consistency
from pairreg.transform.base import LevelGrid
from pairreg.transform.bspline import BSpline, basis
from pairreg.transform.displacement import Displacement
from pairreg.transform.exponential import exponential
from pairreg.transform.velocity import Velocity

GRIDS = [
    Displacement(stride=1),
    Displacement(stride=3),
    Velocity(stride=1),
    Velocity(stride=2),
    BSpline(control_spacing=3),
    BSpline(control_spacing=3, symmetric=True),
]


def levels(shape):
    ndim = len(shape)
    return LevelGrid(tuple(-(-n // 2) for n in shape), (2,) * ndim), LevelGrid(shape, (1,) * ndim)


@pytest.mark.parametrize("transform", GRIDS, ids=str)
@pytest.mark.parametrize("shape", [(13, 16), (7, 8, 9)])
def test_a_translation_survives_stride_and_level(shape, transform):
    coarse, fine = (transform.parametrize(grid, "float32", (1.0,) * len(shape)) for grid in levels(shape))
    coarse.start_at_zero(0)
    coarse.nodes.assign(tf.ones_like(coarse.nodes) * 1.5)
    image = tf.zeros(shape)
    np.testing.assert_allclose(coarse.field(image, image), 1.5, rtol=1e-5)
    fine.continue_from(coarse, image, image)
    np.testing.assert_allclose(fine.field(image, image), 3.0, rtol=1e-5)
    fine.start_at_zero(0)
    np.testing.assert_array_equal(fine.field(image, image), 0)


@pytest.mark.parametrize("transform", pairreg.options("transform"))
def test_a_smooth_field_changes_little_between_levels(transform):
    """The field of a coarse level, seen on the fine one, is the same within the error of interpolation."""
    shape = (32, 40)
    settings = {"unet": {"width": 4}, "implicit": {"omega": 1, "depth": 1}}.get(transform, {})
    chosen = pairreg.build(f"transform/{transform}", **settings)
    coarse, fine = (chosen.parametrize(grid, "float32", (1.0, 1.0)) for grid in levels(shape))
    coarse.start_at_zero(0)
    fine.start_at_zero(0)
    if transform == "implicit":
        coarse.weights.assign_add(0.01 * tf.random.stateless_normal(coarse.weights.shape, (0, 0)))
    else:
        vectors = coarse.base if transform == "unet" else coarse.nodes
        points = np.stack(np.meshgrid(*[np.linspace(0, np.pi, n) for n in vectors.shape[:-1]], indexing="ij"), -1)
        vectors.assign(np.sin(points).astype(np.float32))
    fine.continue_from(coarse, *[tf.zeros((16, 20))] * 2)
    before = coarse.field(*[tf.zeros((16, 20))] * 2).numpy()
    after = fine.field(*[tf.zeros(shape)] * 2).numpy()
    blocks = after.reshape(16, 2, 20, 2, 2).mean((1, 3))
    np.testing.assert_allclose(blocks[2:-2, 2:-2], 2 * before[2:-2, 2:-2], atol=0.05)


WIDTHS = [  # of a coarse and of a fine level
    (Displacement(stride=1), Displacement(stride=3)),
    (Displacement(stride=3), Displacement(stride=2)),
    (Velocity(stride=2), Velocity(stride=1)),
    (BSpline(control_spacing=5), BSpline(control_spacing=3)),
    (BSpline(control_spacing=3), BSpline(control_spacing=5)),
]


@pytest.mark.parametrize(("wide", "narrow"), WIDTHS, ids=str)
@pytest.mark.parametrize("shape", [(48, 60), (30, 36, 33)])
def test_so_does_the_field_of_a_level_with_other_cells(shape, wide, narrow):
    """A field that is linear in the middle of the image is the same one there, in voxels half as wide."""
    grids = levels(shape)
    coarse, fine = (
        t.parametrize(g, "float32", (1.0,) * len(shape)) for t, g in zip((wide, narrow), grids, strict=True)
    )
    nodes = np.indices(coarse.nodes.shape[:-1]).astype(np.float32)
    coarse.nodes.assign(np.moveaxis(nodes, 0, -1) * 0.05)
    images = [tf.zeros(grid.shape) for grid in grids]
    fine.continue_from(coarse, images[0], images[0])
    before, after = coarse.field(images[0], images[0]).numpy(), fine.field(images[1], images[1]).numpy()
    expected = 2 * np.repeat(np.repeat(before, 2, 0), 2, 1)
    if len(shape) == 3:
        expected = np.repeat(expected, 2, 2)
    inner = tuple(slice(n // 3, -(n // 3)) for n in shape)
    crop = tuple(slice(n) for n in shape)
    # a coarse voxel is two fine ones, of which either is a quarter of its width from its centre
    slope = 2 * abs(np.diff(before, axis=0)).max()
    np.testing.assert_allclose(after[inner], expected[crop][inner], atol=slope / 4 + 0.01)


def smooth_velocity(shape, amplitude):
    unit = np.stack(np.meshgrid(*[np.linspace(0, 1, n) for n in shape], indexing="ij"), -1)
    bump = np.prod(np.sin(np.pi * unit), -1)
    return np.stack([amplitude * bump * np.cos(3 * unit[..., d] + d) for d in range(len(shape))], -1)


def test_the_exponential_of_a_linear_velocity_is_the_matrix_exponential():
    import scipy.linalg

    matrix = np.array([[0.05, -0.2], [0.15, -0.03]])
    shape, centre = (41, 41), 20
    x = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in shape], indexing="ij"), -1) - centre
    u = exponential(tf.constant(x @ matrix.T)).numpy()
    expected = x @ scipy.linalg.expm(matrix).T - x
    inner = (slice(10, -10),) * 2  # paths that start here stay inside
    # 2^7 steps of the first order: the error of one step is about |v|²/2^8
    np.testing.assert_allclose(u[inner], expected[inner], atol=0.01)


@pytest.mark.parametrize("shape", [(9, 8), (6, 7, 5), (7, 1, 6)])
def test_the_derivative_of_the_exponential_is_that_of_finite_differences(shape):
    """Steps of several voxels, towards and beyond the border, in float64."""
    random = np.random.default_rng(0)
    v = random.uniform(-4, 4, (*shape, len(shape)))
    upstream, direction = random.normal(size=(2, *v.shape))
    x = tf.Variable(v)

    @tf.function
    def derivative():
        with tf.GradientTape() as tape:
            product = tf.reduce_sum(exponential(x) * upstream)
        return tape.gradient(product, x)

    def product(step):
        return float(np.sum(exponential(tf.constant(v + step * direction)).numpy() * upstream))

    step = 1e-7
    expected = (product(step) - product(-step)) / (2 * step)
    assert float(np.sum(derivative().numpy() * direction)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(40, 48), (20, 24, 28)])
def test_the_exponential_has_no_folds_and_its_inverse_where_the_velocity_itself_would_fold(shape):
    v = smooth_velocity(shape, amplitude=min(shape) * 0.4)
    forward, backward = exponential(tf.constant(v)).numpy(), exponential(tf.constant(-v)).numpy()
    assert folds_percent(v) > 1
    assert folds_percent(forward) == 0
    distance = inverse_consistency(forward, backward)
    assert np.nanmean(distance) < 0.1


def test_bspline_weights_sum_to_one_and_reproduce_a_line():
    voxels = np.arange(23.0)
    for stride in (1, 2, 5, 30):
        count = (23 - 1) // stride + 4
        weights = basis(voxels, stride, count)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-12)
        np.testing.assert_allclose(weights @ ((np.arange(count) - 1) * stride), voxels, atol=1e-9)


def test_bspline_control_spacing_is_in_mm():
    grid = LevelGrid((30, 40), (1, 1))
    for control_spacing, strides in ((10, (2, 5)), (1, (1, 1))):
        lattice = BSpline(control_spacing=control_spacing).parametrize(grid, "float32", (5.0, 2.0))
        assert lattice.strides == strides

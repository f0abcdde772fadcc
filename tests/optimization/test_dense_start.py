"""What regularisers see of a registration that begins with a dense transform: the whole, which is what is written."""

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg import geometry, metrics, whole_transform
from pairreg.backend import tf
from pairreg.initialization.base import Initialization
from pairreg.optimization.objective import Inputs, Objective, Programs
from pairreg.optimization.optimize import level_inputs
from pairreg.optimization.resampled_pair import resample_pair
from pairreg.pair.pair import Pair

SHAPES = {2: (40, 36), 3: (20, 24, 18)}
each_ndim = pytest.mark.parametrize("ndim", [2, 3])


def bumps(shape: tuple[int, ...], amplitude: float, seed: int) -> np.ndarray:
    """A field `(*shape, ndim)` in voxels, which is 0 towards the border."""
    window = np.ones(())
    for n in shape:
        window = np.multiply.outer(window, np.sin(np.linspace(0, np.pi, n)) ** 2)
    axes = np.meshgrid(*[np.linspace(0, 2 * np.pi, n) for n in shape], indexing="ij")
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (len(shape), len(shape)))
    waves = [sum(np.sin(axis + phase) for axis, phase in zip(axes, row, strict=True)) for row in phases]
    return amplitude * window[..., None] * np.stack(waves, -1)


def pair_of(ndim: int, spacing: float = 1.5) -> Pair:
    """An image and itself, on a turned grid of voxels that are no cubes."""
    shape = SHAPES[ndim]
    axes = np.meshgrid(*[np.linspace(-2, 2, n) for n in shape], indexing="ij")
    image = sitk.GetImageFromArray(np.exp(-sum(axis**2 for axis in axes)).astype(np.float32))
    image.SetSpacing([spacing] + [1.0] * (ndim - 1))
    turn = np.eye(ndim)
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    image.SetDirection(turn.ravel().tolist())
    return Pair(name="same", fixed=image, moving=image)


def start_of(pair: Pair, amplitude: float = 1.0) -> sitk.Transform:
    linear = sitk.AffineTransform(pair.ndim)
    linear.Scale(1.1)
    return whole_transform.whole(bumps(pair.fixed.GetSize()[::-1], amplitude, seed=1), pair.fixed, linear)


def inputs_of(pair: Pair, initial: sitk.Transform, objective: Objective, factor: int) -> Inputs:
    prepared = resample_pair(pair, initial)
    return level_inputs(prepared, prepared.grid((factor,) * pair.ndim), objective, [])


@each_ndim
def test_a_penalty_is_that_of_the_field_that_is_written(ndim: int) -> None:
    """Of which SimpleITK composes both parts."""
    pair = pair_of(ndim)
    initial, field = start_of(pair), bumps(pair.fixed.GetSize()[::-1], 0.8, seed=2)
    both = sitk.CompositeTransform(
        [*whole_transform.parts(initial), whole_transform.deformation(field.astype(np.float32), pair.fixed)]
    )
    total = whole_transform.field_of(both, whole_transform.linear_part(initial), pair.fixed)
    regularizer = pairreg.build("regularizer/diffusion")
    objective = Objective({"mse": pairreg.build("similarity/mse")}, {"diffusion": regularizer})
    inputs = inputs_of(pair, initial, objective, 1)
    found = Programs(1).of(objective)(tf.constant(field, tf.float32), inputs)[0].numpy()[2]
    expected, alone = (
        float(regularizer.penalty(tf.constant(one, tf.float32), inputs.spacing)) for one in (total, field)
    )
    assert found == pytest.approx(expected, rel=1e-3) and expected > 1.2 * alone


@each_ndim
def test_a_level_has_the_start_in_its_own_voxels(ndim: int) -> None:
    pair = pair_of(ndim)
    objective = Objective({"mse": pairreg.build("similarity/mse")}, {})
    fine, coarse = (inputs_of(pair, start_of(pair), objective, factor).started for factor in (1, 2))
    assert fine is not None and coarse is not None
    np.testing.assert_allclose(coarse[(1,) * ndim], np.mean(fine[(slice(2, 4),) * ndim], tuple(range(ndim))) / 2, 1e-5)
    assert inputs_of(pair, geometry.identity(ndim), objective, 1).started is None


@each_ndim
def test_the_gradient_is_that_of_finite_differences(ndim: int) -> None:
    pair = pair_of(ndim)
    terms = {name: pairreg.build(f"regularizer/{name}") for name in ("diffusion", "jacobian", "bending_energy")}
    terms["jacobian"] = pairreg.build("regularizer/jacobian", margin=0.9, weight=3.0)
    objective = Objective({"mse": pairreg.build("similarity/mse")}, terms)

    def in_double(x: tf.Tensor) -> tf.Tensor:
        return tf.cast(x, tf.float64) if x is not None and x.dtype.is_floating else x

    inputs = tf.nest.map_structure(in_double, inputs_of(pair, start_of(pair), objective, 2))
    field = bumps(tuple(inputs.fixed.shape), 0.4, seed=2)
    function = Programs(1).of(objective)
    gradient = function(tf.constant(field), inputs)[1].numpy()
    draw, step = np.random.default_rng(5), 1e-6
    within = np.pad(np.ones([n - 2 for n in field.shape[:-1]]), 1)[..., None]  # who leaves the image does not count
    for _ in range(3):
        way = within * draw.normal(size=field.shape)
        ends = [float(function(tf.constant(field + sign * step * way), inputs)[0][0]) for sign in (1, -1)]
        assert np.sum(gradient * way) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)


class Rough(Initialization):
    def __call__(self, pair: Pair) -> sitk.Transform:
        field = bumps(pair.fixed.GetSize()[::-1], 1.0, seed=1)
        return whole_transform.whole(field, pair.fixed, sitk.AffineTransform(pair.ndim))


@each_ndim
def test_a_rough_start_becomes_smooth(ndim: int) -> None:
    """Where there is nothing to move for: the field that is written is regular, whatever it began with."""
    pair = pair_of(ndim)

    start = Rough()(pair)
    before = whole_transform.field_of(start, whole_transform.linear_part(start), pair.fixed)
    result = pairreg.register(
        pair,
        preprocessing="minmax",
        initialization=Rough(),
        transform="displacement",
        similarity="mse",
        regularizer=pairreg.build("regularizer/diffusion", weight=10.0),
        schedule=pairreg.build("schedule/single_level", iterations=100),
    )
    assert metrics.sdlogj(result.field) < 0.2 * metrics.sdlogj(before)

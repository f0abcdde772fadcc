import math

import numpy as np
import pytest
import tensorflow as tf

from pair_helpers import refused
from pairreg.transform import implicit
from pairreg.transform.base import LevelGrid
from pairreg.transform.implicit import Implicit


def network(grid, seed=0, **settings):
    """A network of a grid whose last layer is not 0, and its first image, which it does not look at."""
    made = Implicit(**settings).parametrize(grid, "float32", (1.0,) * grid.ndim)
    made.start_at_zero(seed)
    made.weights.assign_add(0.05 * tf.random.stateless_normal(made.weights.shape, (1, 2)))
    return made, tf.zeros(grid.shape)


@pytest.mark.parametrize("shape", [(9, 11), (5, 6, 7)])
def test_it_is_the_network_that_its_docstring_describes(shape):
    """Layer by layer in NumPy, at the centre of each voxel."""
    grid = LevelGrid(shape, (2,) * len(shape))
    made, image = network(grid, width=5, depth=2, omega=7, stride=1)
    flat, x = made.weights.numpy().astype(float), np.stack(np.indices(shape), -1).reshape(-1, len(shape))
    x = 2 * (x + 0.5) / np.array(shape) - 1
    for n, m in ((len(shape), 5), (5, 5), (5, len(shape))):
        matrix, bias, flat = flat[: n * m].reshape(n, m), flat[n * m : n * m + m], flat[n * m + m :]
        y = x @ matrix + bias
        x = np.sin(7 * y)
    assert len(flat) == 0
    expected = (y * np.array(shape) / 2).reshape(*shape, -1)
    np.testing.assert_allclose(made.field(image, image), expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(18, 21), (9, 12, 15), (19, 22)])
def test_all_levels_have_one_function(shape):
    """A third of the resolution has its voxels at the centres of every third voxel; also where blocks reach beyond."""
    coarse_grid = LevelGrid(tuple(-(-n // 3) for n in shape), (3,) * len(shape))
    coarse, small = network(coarse_grid, width=8, stride=1)
    fine, large = network(LevelGrid(shape, (1,) * len(shape)), seed=5, width=8, stride=1)
    fine.continue_from(coarse, small, small)
    found = fine.field(large, large).numpy()[(slice(1, None, 3),) * len(shape)]
    expected = coarse.field(small, small).numpy()[tuple(slice(n) for n in found.shape[:-1])]
    np.testing.assert_allclose(found, 3 * expected, atol=1e-4)
    assert abs(found).max() > 1


def test_it_is_linear_between_the_points_of_a_stride():
    made, image = network(LevelGrid((24, 25), (1, 1)), width=8, stride=4)
    field = made.field(image, image).numpy()
    assert field.shape == (24, 25, 2)
    second = np.diff(field, 2, axis=0)
    kinks = np.flatnonzero(abs(second).max((1, 2)) > 1e-4) + 1  # a cell is centred between its second and third voxel
    assert set(kinks % 4) <= {1, 2}


def test_its_weights_begin_as_published_and_a_field_of_zero():
    made = Implicit(width=200, depth=2, omega=30).parametrize(LevelGrid((8, 8), (1, 1)), "float32", (1.0, 1.0))
    found = []
    for seed in (1, 1, 2):
        made.start_at_zero(seed)
        values = made.weights.numpy()
        found.append(values)
        first, second, last = values[:400], values[600:40600], values[-402:]
        for layer, bound in ((first, 1 / 2), (second, math.sqrt(6 / 200) / 30)):
            assert abs(layer).max() == pytest.approx(bound, rel=0.05)
            assert layer.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
        assert not last.any() and not made.field(None, None).numpy().any()
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[1] != found[2]).any()


@pytest.mark.parametrize("shape", [(20, 21), (8, 9, 10)])
def test_large_grids_in_parts_have_the_same_field_and_gradient(shape, monkeypatch):
    found = []
    for chunk in (10**6, 64):
        monkeypatch.setattr(implicit, "_CHUNK", chunk)
        made, image = network(LevelGrid(shape, (1,) * len(shape)), width=8, stride=1)
        weights = np.random.default_rng(0).normal(size=(*shape, len(shape))).astype(np.float32)

        @tf.function
        def gradient(made=made, image=image, weights=weights):
            with tf.GradientTape() as tape:
                field = made.field(image, image)
            return field, tape.gradient(field, made.variables, output_gradients=weights)[0]

        found.append(gradient())
    for whole, parts in zip(*found, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-3)


def test_its_gradient_is_that_of_finite_differences():
    made, image = network(LevelGrid((6, 7), (1, 1)), width=4, depth=1, omega=2, stride=2)
    weights = np.random.default_rng(0).normal(size=(6, 7, 2)).astype(np.float32)
    with tf.GradientTape() as tape:
        field = made.field(image, image)
    gradient = tape.gradient(field, made.variables, output_gradients=weights)[0].numpy()
    start, found = made.weights.numpy(), []
    for k in range(len(start)):
        values = []
        for step in (1e-2, -1e-2):
            made.weights.assign(start + step * (np.arange(len(start)) == k))
            values.append(float(np.sum(made.field(image, image).numpy().astype(float) * weights)))
        found.append((values[0] - values[1]) / 2e-2)
    np.testing.assert_allclose(found, gradient, atol=0.01 * abs(gradient).max())


def test_a_network_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(implicit, "lack_of_memory", lambda what, gigabytes: f"{what} would need {gigabytes:.2g} GB.")
    said = "a network of width 4096 and depth 30"
    refused(said, Implicit(width=4096, depth=30).parametrize, LevelGrid((300, 300), (1, 1)), "float32", (1.0, 1.0))

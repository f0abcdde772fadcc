import numpy as np
import pytest
import scipy.ndimage as ndi
import tensorflow as tf

from pairreg.backend import compiled
from pairreg.similarity.windows import box_taps, gaussian_taps, window_means

SHAPES = [(12, 14), (11, 12, 13)]


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("wrapped", [lambda function: function, compiled])
@pytest.mark.parametrize("shape", SHAPES)
def test_box_means_equal_scipy_with_zeros_beyond_the_border(shape, wrapped):
    x = random(*shape)
    means = wrapped(lambda x: window_means(x, [box_taps(5)] * len(shape), valid=False))(tf.constant(x))
    np.testing.assert_allclose(means, ndi.uniform_filter(x, 5, mode="constant"), atol=1e-12)


@pytest.mark.parametrize("wrapped", [lambda function: function, compiled])
@pytest.mark.parametrize("shape", SHAPES)
def test_gaussian_means_equal_scipy_inside(shape, wrapped):
    x = random(*shape)
    means = wrapped(lambda x: window_means(x, [gaussian_taps(1.5, 5)] * len(shape), valid=True))(tf.constant(x))
    inside = (slice(5, -5),) * len(shape)
    np.testing.assert_allclose(means, ndi.gaussian_filter(x, 1.5, truncate=5 / 1.5)[inside], atol=1e-12)


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_derivative_is_the_transposed_operation(shape, valid):
    """`<M x, y> = <x, Mᵀ y>` for a window of another width along every axis; the operation is linear."""
    taps = [box_taps(3), gaussian_taps(1.0, 3), gaussian_taps(2.0, 2)][: len(shape)]
    x = tf.constant(random(*shape))
    with tf.GradientTape() as tape:
        tape.watch(x)
        means = window_means(x, taps, valid)
        y = tf.constant(random(*means.shape[::-1])).numpy().transpose()
        product = tf.reduce_sum(means * y)
    basis = tf.constant(np.random.default_rng(1).normal(size=shape))
    along = tf.reduce_sum(window_means(basis, taps, valid) * y)
    assert float(tf.reduce_sum(tape.gradient(product, x) * basis)) == pytest.approx(float(along), abs=1e-12)


def test_a_window_wider_than_the_image_sees_zeros_around_it():
    np.testing.assert_allclose(window_means(tf.ones((3, 4)), [box_taps(9)] * 2, valid=False), 12 / 81, rtol=1e-6)

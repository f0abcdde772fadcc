"""The operations and bytes that the roofline counts, against functions of which both are known."""

import pytest

from benchmarks.roofline import compiled, moved, operations
from pairreg.backend import tf

N = 1000


@pytest.fixture(autouse=True)
def seed() -> None:
    tf.random.set_seed(0)


def test_arithmetic() -> None:
    a, b = tf.ones(N), tf.fill([N], 2.0)
    assert operations(compiled(lambda a, b: a * b + a), (a, b)) == 2 * N
    assert operations(compiled(lambda a, b: tf.reduce_sum(a * b)), (a, b)) == 2 * N  # a product and a sum for each


def test_products_of_matrices() -> None:
    left, right = tf.ones((7, 11)), tf.ones((11, 5))
    assert operations(compiled(lambda a, b: a @ b), (left, right)) == 2 * 7 * 11 * 5


def test_both_sides_of_a_condition() -> None:
    """A side counts whether it is taken or not: more than is done, never less."""

    def function(a: tf.Tensor) -> tf.Tensor:
        return tf.cond(a[0] > 0, lambda: a * a + a, lambda: tf.zeros_like(a))

    assert operations(compiled(function), (tf.ones(N),)) == 2 * N


def test_bytes() -> None:
    mask = tf.ones(N, tf.bool)
    assert moved(compiled(lambda a, m: tf.where(m, a, 0)), (tf.ones(N), mask)) == 4 * N + N + 4 * N

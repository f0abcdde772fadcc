import numpy as np
import pytest
import tensorflow as tf

from pairreg.backend import compiled, with_gradient


def _gradient(inputs, outputs, upstream):
    return [100 * upstream * outputs[1] * inputs[1], None]


@with_gradient("test/marked", _gradient)
def marked(x, factor):
    """x³ · factor, with a derivative that no automatic one would give: 100 x² · factor."""
    return x**3 * factor, x**2


WAYS = {
    "eager": lambda function: function,
    "graph": lambda function: tf.function(function, autograph=False),
    "xla": lambda function: tf.function(function, jit_compile=True, autograph=False),
    "nested": lambda function: tf.function(tf.function(function, autograph=False), autograph=False),
}


OUTER = WAYS | {"program": compiled}  # which itself has no derivative


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("inner", WAYS)
def test_the_given_derivative_is_used_however_the_function_is_called(inner, outer):
    """The tape lies outside of the inner function and within the outer one."""
    function = WAYS[inner](lambda x: 2 * marked(x, tf.constant(3.0)))

    def value_and_derivative(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(function(x))
        return y, tape.gradient(y, x)

    x = np.array([1.0, 2.0, -3.0], np.float32)
    value, derivative = OUTER[outer](value_and_derivative)(tf.constant(x))
    assert float(value) == pytest.approx(2 * 3 * (x**3).sum())
    np.testing.assert_allclose(derivative, 2 * 3 * 100 * x**2, rtol=1e-6)


def test_nothing_is_registered_for_a_second_trace():
    from tensorflow.python.framework import ops

    def traced(n):
        tf.function(lambda x: tf.gradients(marked(x, tf.constant(1.0)), x), autograph=False)(tf.zeros(n))
        return set(ops.gradient_registry.list())

    assert traced(3) == traced(4)

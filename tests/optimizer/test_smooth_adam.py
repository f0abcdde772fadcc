"""The steps of `smooth_adam` against the same rule in NumPy and SciPy, in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import pairreg
from pairreg.backend import tf

RATE, STEPS = 0.25, 6
ROUNDING = STEPS * 4 * RATE * 6e-5  # 1 - 0.999 has 4 digits in float32, and divides all that moves


class Quadratic:
    """A bowl with a curvature of its own for every number, as a problem of one variable."""

    inputs: Any = ()
    learning_rate = RATE
    columns = 1

    def __init__(self, *shape: int):
        random = np.random.default_rng(0)
        self.start = random.normal(size=shape).astype(np.float32)
        self.curvature = np.exp(random.normal(size=shape)).astype(np.float32)
        self.variables = [tf.Variable(self.start)]

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        del key
        return make()

    def value_and_gradients(self, inputs: Any) -> tuple[Any, list[Any]]:
        del inputs
        slope = self.curvature * self.variables[0]
        return tf.reduce_sum(slope * self.variables[0])[None] / 2, [slope]

    def after(self, steps: int, **settings: Any) -> np.ndarray:
        self.variables[0].assign(self.start)
        pairreg.build("optimizer/smooth_adam", **settings).minimize(self, steps, lambda rows, pause=None: False)
        result: np.ndarray = self.variables[0].numpy()
        return result


def smoothed(x: np.ndarray, passes: int) -> np.ndarray:
    for _ in range(passes):
        for axis in range(x.ndim - 1):
            x = ndimage.convolve1d(x, [0.25, 0.5, 0.25], axis, mode="reflect")
    return x


def expected(problem: Quadratic, rate: Callable[[int], float], passes: int, per_node: bool) -> np.ndarray:
    x, curvature = problem.start.astype(float), problem.curvature.astype(float)
    mean, square = np.zeros_like(x), 0.0
    for t in range(1, STEPS + 1):
        gradient = curvature * x
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * (np.mean(gradient**2, -1, keepdims=True) if per_node else gradient**2)
        ahead = (0.9 * mean + 0.1 * gradient) / (1 - 0.9 ** (t + 1))
        step = ahead / (np.sqrt(smoothed(square / (1 - 0.999**t), passes)) + 1e-7)
        x = x - rate(t - 1) * (0.1 * step + 0.9 * smoothed(step, passes))
    return x


@pytest.mark.parametrize("shape", [(7, 9, 2), (5, 1, 6, 3)])
@pytest.mark.parametrize("passes", [0, 1, 2, 5])
def test_on_a_grid_the_steps_are_smoothed_and_at_first_four_times_as_long(shape, passes):
    problem = Quadratic(*shape)
    wanted = expected(problem, lambda t: 4 * RATE / (1 + t / 30), passes, True)
    assert problem.after(STEPS, passes=passes) == pytest.approx(wanted, abs=ROUNDING)


def test_the_weights_of_a_network_have_no_neighbours():
    problem = Quadratic(40)
    assert problem.after(STEPS) == pytest.approx(expected(problem, lambda t: RATE, 0, False), abs=ROUNDING)


def test_a_learning_rate_of_its_own_is_used_as_it_is():
    problem = Quadratic(7, 9, 2)
    assert problem.after(STEPS, learning_rate=0.1) == pytest.approx(
        expected(problem, lambda t: 0.1, 2, True), abs=ROUNDING
    )


def test_a_translation_of_all_nodes_is_not_slowed_by_the_borders():
    """Where all nodes have the same gradient, smoothing changes nothing."""
    problem = Quadratic(6, 6, 2)
    problem.start[:], problem.curvature[:] = 1, 1
    moved = problem.after(3)
    assert np.ptp(moved) < 1e-6
    assert moved == pytest.approx(problem.after(3, passes=0), abs=1e-6)

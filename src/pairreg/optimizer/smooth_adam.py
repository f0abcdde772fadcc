"""Adam whose steps are smooth over the grid of the parameters."""

import functools
import math
from dataclasses import dataclass
from typing import Annotated, Any, final

from pydantic import Field

from pairreg.backend import Tensor, kept, keras, tf
from pairreg.optimizer.base import Problem, is_grid
from pairreg.optimizer.gradient_descent import GradientDescent, LearningRate, Memory, with_rate
from pairreg.validation import Positive, checked

_FASTER = 4.0  # than Adam on a grid: where the steps of neighbours disagree, little of them is left
_HALVED = 30  # iterations of a level after which the rate is half: a constant one jitters 1 to 3 % above the least
_ROUGH = 0.1  # part of a step that is not smoothed: what differs from node to node would hardly change otherwise

Passes = Annotated[int, Field(ge=0, le=100)]


@checked
def smooth_adam(
    learning_rate: LearningRate = None,
    beta_1: Memory = 0.9,
    beta_2: Memory = 0.999,
    epsilon: Positive = 1e-7,
    passes: Passes = 2,
) -> GradientDescent:
    """Return Adam for grids: what it divides the gradient by, and the step, are smooth over neighbouring nodes.

    Adam moves every number as far as every other, so that a node in a flat region, whose gradient is noise, goes the
    way of its noise, and the regulariser has to undo it. Here the mean square of the gradient is one number per node,
    smoothed; the step, which looks ahead along its momentum as Nesterov's does, is smoothed, too. Three of four 2-D
    pairs came near the least objective 1.4 to 1.9 times as soon, two 3-D ones did not (`scripts/benchmark.py --only
    13`). The weights of a network have no neighbours: for them it is Adam that looks ahead.

    **Arguments:** `learning_rate`: a number, a schedule of Keras, or None = four times what suits the transform,
    divided by 1 + t/30 at iteration t of a level; for a network, what suits it. `beta_1`, `beta_2`: the part of the
    past that the means of the gradient and of its square keep at each step; `epsilon`: added to the denominator;
    `passes`: how often the mean over a node and its neighbours, with weights 1/4, 1/2 and 1/4 along each axis, is
    taken: 2 is a Gaussian of one node.

    Source: Kingma & Ba, ICLR 2015; Dozat, ICLR workshop 2016, for the momentum; Jena et al., arXiv 2404.01249, for
    steps of Adam that are smoothed.
    """
    settings = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon, "passes": passes}
    return SmoothAdam("SmoothAdam", with_rate(learning_rate, settings))


@final
@dataclass(frozen=True)
class SmoothAdam(GradientDescent):
    """Minimises by the step of `smooth_adam`."""

    def of_keras(self) -> Any:
        return _step()

    def suitable_rate(self, problem: Problem) -> Any:
        if not all(map(is_grid, problem.variables)):
            return problem.learning_rate
        return keras.optimizers.schedules.InverseTimeDecay(_FASTER * problem.learning_rate, _HALVED, 1.0)


@functools.cache
def _step() -> Any:
    class SmoothStep(keras.optimizers.Optimizer):  # type: ignore[misc]
        def __init__(self, learning_rate: Any, beta_1: float, beta_2: float, epsilon: float, passes: float):
            super().__init__(learning_rate=learning_rate)
            self.beta_1, self.beta_2, self.epsilon, self.passes = beta_1, beta_2, epsilon, int(passes)

        def build(self, variables: list[Any]) -> None:
            super().build(variables)
            self.means = self.add_optimizer_variables(variables, "mean")
            shapes = [(*x.shape[:-1], 1) if is_grid(x) else x.shape for x in variables]
            self.squares = [self.add_variable(shape, name="square") for shape in shapes]

        def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
            index = self._get_variable_index(variable)
            mean, square = self.means[index], self.squares[index]
            grid, keep, step = is_grid(variable), self.beta_1, tf.cast(self.iterations + 1, gradient.dtype)
            size = tf.reduce_mean(gradient**2, -1, keepdims=True) if grid else gradient**2
            self.assign(mean, keep * mean + (1 - keep) * gradient)
            self.assign(square, self.beta_2 * square + (1 - self.beta_2) * size)
            # Both means began at 0: these are what they would be of the steps so far alone.
            ahead = (keep * mean + (1 - keep) * gradient) / (1 - keep ** (step + 1))
            scale = tf.sqrt(self.smooth(square / (1 - self.beta_2**step), grid)) + self.epsilon
            rough = ahead / scale
            self.assign_sub(variable, learning_rate * (_ROUGH * rough + (1 - _ROUGH) * self.smooth(rough, grid)))

        def smooth(self, x: Tensor, grid: bool) -> Tensor:
            """Return `x`, or, on a grid, the mean over neighbours along all axes but the last one."""
            for axis in range(len(x.shape) - 1) if grid else ():
                left = self.passes
                while left > 0:  # a grid of few nodes takes more turns, as it is mirrored no further than it is wide
                    passes = min(left, x.shape[axis])
                    x = _mean_of_neighbours(x, axis, passes)
                    left -= passes
            return x

    return SmoothStep


def _mean_of_neighbours(x: Tensor, axis: int, passes: int) -> Tensor:
    """Return half of each value and a quarter of the ones before and behind it, `passes` times at once.

    At its borders the grid is mirrored, so that a node there counts for the missing one.
    """
    n, before = x.shape[axis], (slice(None),) * axis
    ends = [tf.reverse(x[(*before, end)], [axis]) for end in (slice(passes), slice(n - passes, n))]
    wide = kept(tf.concat([ends[0], x, ends[1]], axis), x)  # padding within the sum takes five times as long
    shares = [math.comb(2 * passes, k) / 4**passes for k in range(2 * passes + 1)]
    return kept(tf.add_n([share * wide[(*before, slice(k, k + n))] for k, share in enumerate(shares)]), x)

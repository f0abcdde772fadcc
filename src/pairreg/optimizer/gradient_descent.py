"""First-order optimizers of Keras, as a loop inside the graph."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pairreg.backend import Tensor, keras, tf
from pairreg.optimizer.base import Problem, Report
from pairreg.validation import NonNegative

_CHUNK = 50  # iterations per call of the graph: the curve of every one is kept, Python is entered once


@runtime_checkable
class RateSchedule(Protocol):
    """A schedule of `keras.optimizers.schedules`."""

    def __call__(self, step: Any) -> Any: ...

    def get_config(self) -> dict[str, Any]: ...


LearningRate = NonNegative | RateSchedule | None


@dataclass(frozen=True)
class GradientDescent:
    """Minimises by a Keras optimizer, which is given by its class name and arguments.

    Without a learning rate among them it takes the transform's; with a schedule of Keras as learning rate, every level
    starts the schedule anew.
    """

    name: str
    config: Mapping[str, Any]

    @property
    def key(self) -> str:
        """A text that is the same for equal settings, schedules included."""
        readable = {k: v.get_config() if hasattr(v, "get_config") else v for k, v in self.config.items()}
        return json.dumps([self.name, readable], default=str)

    def minimize(self, problem: Problem, iterations: int, report: Report) -> None:
        loop = problem.once(self.key, lambda: Loop(self, problem))
        loop.restart()
        for start in range(0, iterations, _CHUNK):
            before = [tf.identity(variable) for variable in problem.variables]
            rows = loop.run(min(_CHUNK, iterations - start))
            # The step before the first value that is not finite may have spoiled the variables already: go back by the
            # whole chunk, whose values were finite at its start.
            if not np.isfinite(rows[-1]).all():
                for variable, value in zip(problem.variables, before, strict=True):
                    variable.assign(value)
            if report(rows):
                return


class Loop:
    """The compiled iterations of one problem with one optimizer."""

    def __init__(self, settings: GradientDescent, problem: Problem):
        config = {"learning_rate": problem.learning_rate, **settings.config}
        self.problem = problem
        self.optimizer = getattr(keras.optimizers, settings.name)(**config)
        # Keras adds up the gradients of all replicas, and here is one. Its operation for that would keep the graph of
        # this loop alive as long as the process.
        self.optimizer._all_reduce_sum_gradients = list
        self.optimizer.build(problem.variables)
        self.start = [variable.numpy() for variable in self.optimizer.variables]
        self.compiled = tf.function(self.iterate, autograph=False)

    def restart(self) -> None:
        """Set the state of the optimizer, such as momenta, to its start."""
        for variable, value in zip(self.optimizer.variables, self.start, strict=True):
            variable.assign(value)

    def run(self, iterations: int) -> np.ndarray:
        """Do at most `iterations` and return their values `(n, columns)`; fewer if a value is not finite."""
        rows: np.ndarray = self.compiled(tf.constant(iterations), self.problem.inputs).numpy()
        return rows

    def iterate(self, iterations: Tensor, inputs: Any) -> Tensor:
        """Do at most `iterations` inside the graph, and return their values `(n, columns)`.

        It stops after the first iteration with a value that is not finite, whose step is not taken.
        """
        rows = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=(self.problem.columns,))

        def goes_on(i: Tensor, finite: Tensor, rows: Any) -> Tensor:
            del rows
            return (i < iterations) & finite

        def step(i: Tensor, finite: Tensor, rows: Any) -> tuple[Tensor, Tensor, Any]:
            values, gradients = self.problem.value_and_gradients(inputs)
            finite = tf.reduce_all(tf.math.is_finite(values))
            tf.cond(finite, lambda: self.apply(gradients), tf.no_op)
            return i + 1, finite, rows.write(i, values)

        return tf.while_loop(goes_on, step, (tf.constant(0), tf.constant(True), rows))[-1].stack()

    def apply(self, gradients: list[Tensor]) -> Tensor:
        """Take one step of the optimizer, as an operation that has no result."""
        self.optimizer.apply(gradients, self.problem.variables)
        return tf.no_op()


def keras_optimizer(name: str, learning_rate: Any, **settings: Any) -> GradientDescent:
    """Return `keras.optimizers.NAME` with these arguments; a `learning_rate` of None is left out."""
    chosen = {} if learning_rate is None else {"learning_rate": learning_rate}
    return GradientDescent(name, chosen | settings)

"""First-order optimizers of Keras, as a loop inside the graph."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairreg.backend import Tensor, keras, tf
from pairreg.optimizer.base import Report

if TYPE_CHECKING:
    from pairreg.optimization.problem import Problem

CHUNK = 50  # iterations per call of the graph: the curve of every one is kept, Python is entered once


@dataclass(frozen=True)
class GradientDescent:
    """Any Keras optimizer, by its configuration (`config` may lack the learning rate: the transform's is used)."""

    name: str
    config: tuple[tuple[str, Any], ...]

    def minimize(self, problem: "Problem", iterations: int, report: Report) -> None:
        loop = problem.once(self, lambda: Loop(self, problem))
        loop.restart()
        for start in range(0, iterations, CHUNK):
            before = [tf.identity(variable) for variable in problem.variables]
            rows = loop.run(min(CHUNK, iterations - start))
            if not np.isfinite(rows[-1]).all():  # the step before may have spoiled the variables already
                for variable, value in zip(problem.variables, before, strict=True):
                    variable.assign(value)
            if report(rows):
                return


class Loop:
    """The compiled iteration of one problem with one optimizer."""

    def __init__(self, settings: GradientDescent, problem: "Problem"):
        config = {"learning_rate": problem.learning_rate, **dict(settings.config)}
        self.problem = problem
        self.optimizer = keras.optimizers.get({"class_name": settings.name, "config": config})
        self.optimizer.build(problem.variables)
        self.start = [variable.numpy() for variable in self.optimizer.variables]
        self.compiled = tf.function(self.iterate, reduce_retracing=True)

    def restart(self) -> None:
        for variable, value in zip(self.optimizer.variables, self.start, strict=True):
            variable.assign(value)

    def run(self, iterations: int) -> np.ndarray:
        rows: np.ndarray = self.compiled(tf.constant(iterations), self.problem.inputs).numpy()
        return rows

    def iterate(self, iterations: Tensor, inputs: Any) -> Tensor:
        rows = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=(self.problem.columns,))
        variables = self.problem.variables
        i, finite = tf.constant(0), tf.constant(True)
        while i < iterations and finite:
            values, gradients = self.problem.value_and_gradients(inputs)
            rows = rows.write(i, values)
            finite = tf.reduce_all(tf.math.is_finite(values))
            if finite:
                self.optimizer.apply(gradients, variables)
            i += 1
        return rows.stack()

"""A compiled optimisation problem: one transform, one level grid and one set of terms, for any pair of that size."""

import dataclasses
import functools
from collections.abc import Callable, Hashable
from typing import Any

from pairreg.backend import Tensor, tf
from pairreg.optimization.objective import Inputs, Objective
from pairreg.regularizer.base import Regularizer
from pairreg.similarity.base import Similarity
from pairreg.transform.base import LevelGrid, Transform

Terms = tuple[tuple[str, Any], ...]


class Problem:
    """Holds the variables and the compiled functions; the images, spacing and weights are `inputs`, set per run."""

    inputs: Inputs

    def __init__(self, transform: Transform, grid: LevelGrid, objective: Objective):
        self.parametrization = transform.parametrize(grid)
        self.variables = self.parametrization.variables
        self.objective = objective
        self.learning_rate = transform.learning_rate
        self.columns = 2 + len(objective.names)
        self._made: dict[Hashable, Any] = {}
        # XLA runs the warp, the windows and the differences up to 27 times faster, but convolutions slower
        self._objective = tf.function(objective.value_and_gradient, jit_compile=True)

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """`make()`, remembered with this problem: compiled loops are expensive, and never freed by TensorFlow."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def value_and_gradients(self, inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
        """`[loss, *terms, norm of the gradient]` and the gradients of the variables."""
        with tf.GradientTape() as tape:
            field = self.parametrization.field(inputs.fixed, inputs.moving)
        values, gradient = self._objective(field, inputs)
        gradients = tape.gradient(field, self.variables, output_gradients=gradient)
        return tf.concat([values, tf.linalg.global_norm(gradients)[None]], 0), gradients

    def field(self) -> Tensor:
        """The present displacement field `(*shape, ndim)`, constraints included."""
        # eagerly: once per level is not worth compiling
        field = self.parametrization.field(self.inputs.fixed, self.inputs.moving)
        return self.objective.constrained(field, self.inputs.spacing)


def compiled_problem(transform: Transform, grid: LevelGrid, objective: Objective) -> Problem:
    """The problem of an earlier run in this process that had the same parts (weights may differ), else a new one."""
    return _compiled_problem(transform, grid, unweighted(objective.similarities), unweighted(objective.regularizers))


@functools.cache
def _compiled_problem(transform: Transform, grid: LevelGrid, similarities: Terms, regularizers: Terms) -> Problem:
    return Problem(transform, grid, Objective(dict(similarities), dict(regularizers)))


def unweighted(terms: Any) -> Terms:
    def without_weight(term: Similarity | Regularizer) -> Any:
        return dataclasses.replace(term, weight=1.0) if dataclasses.is_dataclass(term) else term

    return tuple((name, without_weight(term)) for name, term in terms.items())

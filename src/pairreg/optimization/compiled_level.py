"""A compiled optimisation problem: one transform, one level grid and one set of terms, for any pair of that size."""

import dataclasses
import functools
from collections.abc import Callable, Hashable
from typing import Any

from pairreg.backend import Tensor, tf
from pairreg.optimization.objective import Inputs, Objective
from pairreg.regularizer.base import Regularizer
from pairreg.similarity.base import Similarity
from pairreg.transform.base import LevelGrid, Parametrization, Precision, Transform

Terms = tuple[tuple[str, Any], ...]


class CompiledLevel:
    """Holds the variables and the compiled functions; the images, spacing and weights are `inputs`, set per run."""

    inputs: Inputs

    def __init__(self, transform: Transform, grid: LevelGrid, precision: Precision, objective: Objective):
        self.parametrization, self._field = parametrized(transform, grid, precision)
        # float16 has no numbers below 6e-8: its gradients are computed at a scale of 1
        self.rescale = precision == "mixed_float16"
        self.variables = self.parametrization.variables
        self.objective = objective
        self.learning_rate = transform.learning_rate
        self.columns = 2 + len(objective.names)
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """`make()`, remembered with this problem: compiled loops are expensive, and never freed by TensorFlow."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def value_and_gradients(self, inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
        """`[loss, *terms, norm of the gradient]` and the gradients of the variables."""
        with tf.GradientTape() as tape:
            field = self._field(inputs.fixed, inputs.moving)  # not by XLA, which is slower at convolutions
        values, gradient = self.objective.value_and_gradient(field, inputs)
        scale = 1 / (tf.reduce_max(tf.abs(gradient)) + 1e-30) if self.rescale else tf.ones(())
        gradients = tape.gradient(field, self.variables, output_gradients=gradient * scale)
        gradients = [g / scale for g in gradients]
        return tf.concat([values, tf.linalg.global_norm(gradients)[None]], 0), gradients

    def field(self) -> Tensor:
        """The present displacement field `(*shape, ndim)`, constraints included."""
        field = self._field(self.inputs.fixed, self.inputs.moving)
        return self.objective.constrained(field, self.inputs.spacing)

    def inverse_field(self) -> Tensor | None:
        """The inverse of `field` on the same grid, if the transform has one and nothing else changes the field."""
        if self.objective.constrains:
            return None
        return self.parametrization.inverse_field(self.inputs.fixed, self.inputs.moving)

    def start(self, inputs: Inputs, coarser: "CompiledLevel | None", seed: int) -> None:
        """Begin a level: from the transform's start, or from where a coarser level ended."""
        if coarser is self:  # two scales with the same grid, as on a thin slab: it just goes on
            self.inputs = inputs
            return
        self.parametrization.start_at_zero(seed)
        if coarser is not None:
            self.parametrization.continue_from(coarser.parametrization, coarser.inputs.fixed, coarser.inputs.moving)
        self.inputs = inputs


@functools.cache
def parametrized(transform: Transform, grid: LevelGrid, precision: Precision) -> tuple[Parametrization, Any]:
    """The parameters of a level and its traced field: a run with other terms does not trace the network anew."""
    parametrization = transform.parametrize(grid, precision)
    return parametrization, tf.function(parametrization.field, autograph=False)


def compiled_level(transform: Transform, grid: LevelGrid, precision: Precision, objective: Objective) -> CompiledLevel:
    """The problem of an earlier run in this process that had the same parts (weights may differ), else a new one."""
    terms = unweighted(objective.similarities), unweighted(objective.regularizers)
    return _compiled_level(transform, grid, precision, *terms)


@functools.cache
def _compiled_level(
    transform: Transform, grid: LevelGrid, precision: Precision, similarities: Terms, regularizers: Terms
) -> CompiledLevel:
    return CompiledLevel(transform, grid, precision, Objective(dict(similarities), dict(regularizers)))


def unweighted(terms: Any) -> Terms:
    def without_weight(term: Similarity | Regularizer) -> Any:
        if not dataclasses.is_dataclass(term):
            return term
        # weights and stiffness maps are inputs of the compiled graph, not parts of it
        inputs: dict[str, Any] = {"weight": 1.0, "stiffness": None}
        present = {field.name for field in dataclasses.fields(term)} & set(inputs)
        return dataclasses.replace(term, **{name: inputs[name] for name in present})

    return tuple((name, without_weight(term)) for name, term in terms.items())

"""A compiled optimisation problem: one transform, one level grid and one set of terms, for any pair of that size."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.backend import Tensor, tf
from pairreg.optimization import symmetric
from pairreg.optimization.cache_key import term_key
from pairreg.optimization.objective import Inputs, Objective, Programs
from pairreg.optimization.recent import Recent
from pairreg.optimizer.base import assign
from pairreg.transform.base import LevelGrid, Precision, Transform

_VARIANTS = 32  # programs of each kind that one grid keeps: as many similarities or regularisers as a study compares
_LOOPS = 4  # compiled loops that a level keeps: a sweep over learning rates would make one for each


class CompiledGrid:
    """The parameters of a transform on one grid, their traced field, and the programs compiled for them.

    A run with other terms does not trace the network anew, and one with other similarities reuses the compiled
    regularisers. All runs share its variables, so only one may use it at a time; `CompiledGrids` sees to that.
    """

    def __init__(self, transform: Transform, grid: LevelGrid, precision: Precision, spacing: Sequence[float]):
        self.parametrization = transform.parametrize(grid, precision, spacing)
        # The network is not compiled by XLA, which is slower at convolutions.
        self.field = tf.function(self.parametrization.field, autograph=False)
        self.backward = tf.function(self.parametrization.inverse_field, autograph=False)
        self.consistency = transform.consistency_weight
        self.learning_rate = transform.learning_rate
        # float16 has no numbers below 6e-8: its gradients are computed at a scale of 1.
        self.rescale = precision == "mixed_float16"
        self._levels: Recent[CompiledLevel] = Recent(_VARIANTS)
        self._programs = Programs(_VARIANTS)
        self._of_both: Recent[Any] = Recent(_VARIANTS)

    def fields(self, fixed: ImageTensor, moving: ImageTensor) -> list[FieldTensor]:
        """Return what is optimised: the field, and that of the other direction where the transform is symmetric."""
        forward = self.field(fixed, moving)
        return [forward] if self.consistency is None else [forward, self.backward(fixed, moving)]

    def level(self, objective: Objective) -> "CompiledLevel":
        """Return the problem with the terms of `objective` on this grid.

        It is the same one for terms that differ in their weights only: weights are inputs.
        """
        groups = (objective.similarities, objective.regularizers)
        key = tuple(tuple((name, term_key(term)) for name, term in group.items()) for group in groups)
        return self._levels.get(key, lambda: CompiledLevel(self, objective, self._programs))

    def consistency_program(self, objective: Objective) -> Callable[..., Any]:
        """Return the compiled inverse consistency of two fields, as the regularisers of `objective` change them."""
        key = tuple(map(term_key, objective.constraining))
        return self._of_both.get(key, lambda: symmetric.consistency_program(objective.constrained))


class CompiledLevel:
    """One objective on one grid, compiled; images, spacing and weights are `inputs`, which `start` sets for each run.

    It is the `Problem` that an optimizer minimises.
    """

    inputs: Inputs

    def __init__(self, grid: CompiledGrid, objective: Objective, programs: Programs):
        self.grid, self.objective = grid, objective
        self.parametrization = grid.parametrization
        self.variables = grid.parametrization.variables
        self.learning_rate = grid.learning_rate
        self.columns = 2 + len(objective.names) + (grid.consistency is not None)
        self._value_and_gradient = programs.of(objective)
        self._once: Recent[Any] = Recent(_LOOPS)

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what `make()` returned for `key` earlier, or call it: compiled loops are expensive."""
        return self._once.get(key, make)

    def value_and_gradients(self, inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
        """Return `[loss, *terms, norm of the gradient]` (terms unweighted) and the gradients of the variables."""
        with tf.GradientTape() as tape:
            fields = self.grid.fields(inputs.fixed, inputs.inner_moving)
        values, by_fields = self._values(fields, inputs)
        if self.grid.rescale:
            scale = 1 / (tf.reduce_max([tf.reduce_max(tf.abs(by)) for by in by_fields]) + 1e-30)
            by_fields = [by * scale for by in by_fields]
        gradients = tape.gradient(fields, self.variables, output_gradients=by_fields)
        if self.grid.rescale:
            gradients = [g / scale for g in gradients]
        return tf.concat([values, tf.linalg.global_norm(gradients)[None]], 0), gradients

    def _values(self, fields: Sequence[FieldTensor], inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
        """Return `[loss, *terms]` (terms unweighted) and the derivatives of the loss by the fields."""
        if self.grid.consistency is not None:
            programs = self._value_and_gradient, self.grid.consistency_program(self.objective)
            return symmetric.value_and_gradients(*programs, fields, inputs, self.grid.consistency)
        values, gradient = self._value_and_gradient(fields[0], inputs)
        return values, [gradient]

    def field(self) -> FieldTensor:
        """Return the present displacement field `(*shape, ndim)` in voxels of the level, constraints included."""
        field = self.grid.field(self.inputs.fixed, self.inputs.inner_moving)
        return self.objective.constrained(field, self.inputs.spacing)

    def inverse_field(self) -> FieldTensor | None:
        """Return the inverse of `field` on the same grid, or the field of the other direction if it is optimised, too.

        None if the transform has no inverse, or if a regulariser changes what is one without it.
        """
        if self.objective.constraining and self.parametrization.directions == 1:
            return None
        found = self.parametrization.inverse_field(self.inputs.fixed, self.inputs.inner_moving)
        return None if found is None else self.objective.constrained(found, self.inputs.spacing)

    def start(self, inputs: Inputs, coarser: "CompiledLevel | None", seed: int) -> None:
        """Set the inputs, and the parameters: to the start of the transform, or to where a coarser level ended."""
        # Two scales with one grid, as on a thin slab, share the parameters, whatever the terms: it just goes on.
        if coarser is not None and coarser.parametrization is self.parametrization:
            self.inputs = inputs
            return
        self.parametrization.start_at_zero(seed)
        if coarser is not None:
            self.parametrization.continue_from(
                coarser.parametrization, coarser.inputs.fixed, coarser.inputs.inner_moving
            )
        self.inputs = inputs

    def parameters(self) -> list[np.ndarray]:
        """Return the values of all parameters, for `go_on`."""
        return [variable.numpy() for variable in self.parametrization.state]

    def go_on(self, inputs: Inputs, parameters: Sequence[np.ndarray]) -> None:
        """Set the inputs, and the parameters to what `parameters` returned earlier."""
        assign(self.parametrization.state, parameters)
        self.inputs = inputs

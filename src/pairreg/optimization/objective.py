"""The objective: weighted similarity terms plus weighted regulariser terms of one displacement field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pairreg.backend import Tensor, tf
from pairreg.regularizer.base import Regularizer
from pairreg.similarity.base import Similarity
from pairreg.transform.warp import warp


class Inputs(NamedTuple):
    """What one level's objective depends on besides the field; all tensors, so that one graph serves many pairs."""

    fixed: Tensor  # (*shape,)
    moving: Tensor  # (*shape,)
    mask: Tensor  # bool, voxels of the fixed image that count
    usable: Tensor  # bool, interpolation cells of the moving image that count
    spacing: Tensor  # (ndim,) mm
    weights: Tensor  # (terms,)
    stiffness: tuple[Tensor | None, ...]  # per penalty (*shape,), None = 1 everywhere


@dataclass(frozen=True, eq=False)
class Objective:
    """`loss = Σ weight · similarity + Σ weight · penalty`, with the weights taken from the inputs."""

    similarities: Mapping[str, Similarity]
    regularizers: Mapping[str, Regularizer]

    @property
    def penalties(self) -> dict[str, Regularizer]:
        return {name: term for name, term in self.regularizers.items() if term.has_penalty}

    @property
    def names(self) -> list[str]:
        """Names of the terms, in the order of `Inputs.weights`."""
        return [f"similarity/{n}" for n in self.similarities] + [f"regularizer/{n}" for n in self.penalties]

    @property
    def weights(self) -> list[float]:
        terms: list[Similarity | Regularizer] = [*self.similarities.values(), *self.penalties.values()]
        return [term.weight for term in terms]

    @property
    def constrains(self) -> bool:
        return any(type(term).constrain is not Regularizer.constrain for term in self.regularizers.values())

    def constrained(self, field: Tensor, spacing: Tensor) -> Tensor:
        for term in self.regularizers.values():
            field = term.constrain(field, spacing)
        return field

    def terms(self, field: Tensor, inputs: Inputs) -> Tensor:
        """The unweighted terms `(terms,)` of a field that is constrained already."""
        warped, covered = warp(inputs.moving, field, inputs.usable)
        mask = covered & inputs.mask
        values = [term(inputs.fixed, warped, mask) for term in self.similarities.values()]
        for term, stiffness in zip(self.penalties.values(), inputs.stiffness, strict=True):
            # a user's own penalty need not know about stiffness
            values.append(term.penalty(field, inputs.spacing, *([] if stiffness is None else [stiffness])))
        return tf.stack([tf.cast(value, field.dtype) for value in values])

    def value_and_gradient(self, field: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """`[loss, *terms]` and the derivative of the loss by the field."""
        with tf.GradientTape() as tape:
            tape.watch(field)
            terms = self.terms(self.constrained(field, inputs.spacing), inputs)
            loss = tf.reduce_sum(terms * inputs.weights)
        return tf.concat([loss[None], terms], 0), tape.gradient(loss, field)


def as_inputs(arrays: Mapping[str, Any]) -> Inputs:
    def tensor(value: Any) -> Tensor:
        return None if value is None else tf.constant(value)

    return Inputs(**{name: tf.nest.map_structure(tensor, arrays[name]) for name in Inputs._fields})

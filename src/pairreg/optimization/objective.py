"""The objective: weighted similarity terms plus weighted regulariser terms of one displacement field."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pairreg.backend import Tensor, compiled, tf
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

    def value_and_gradient(self, field: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """`[loss, *terms]` (terms unweighted) and the derivative of the loss by the field.

        Three programs of XLA, not one: within a program it repeats arithmetic for everything that reads the result, and
        would warp the image anew for each tap of a window.
        """
        warp_, compare, pull_back = self._programs
        warped, mask = warp_(field, inputs)
        similarities, by_warped = compare(warped, mask, inputs)
        penalties, gradient = pull_back(field, by_warped, inputs)
        terms = tf.concat([similarities, penalties], 0)
        return tf.concat([tf.reduce_sum(terms * inputs.weights)[None], terms], 0), gradient

    @functools.cached_property
    def _programs(self) -> tuple[Callable[..., Any], ...]:
        return compiled(self.warped), compiled(self.compared), compiled(self.pulled_back)

    def warped(self, field: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The warped image, and which voxels count."""
        warped, covered = warp(inputs.moving, self.constrained(field, inputs.spacing), inputs.usable)
        return warped, covered & inputs.mask

    def compared(self, warped: Tensor, mask: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The similarities, and the derivative of their weighted sum by the warped image."""
        with tf.GradientTape() as tape:
            tape.watch(warped)
            values = as_vector([term(inputs.fixed, warped, mask) for term in self.similarities.values()], warped)
            total = tf.reduce_sum(values * inputs.weights[: len(self.similarities)])
        return values, tape.gradient(total, warped)

    def pulled_back(self, field: Tensor, by_warped: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The penalties, and the derivative of the whole loss by the field."""
        with tf.GradientTape() as tape:
            tape.watch(field)
            used = self.constrained(field, inputs.spacing)
            values = as_vector(list(self.penalty_values(used, inputs)), field)
            total = tf.reduce_sum(values * inputs.weights[len(self.similarities) :])
            total += tf.reduce_sum(warp(inputs.moving, used)[0] * by_warped)  # its derivative is all that is used
        return values, tape.gradient(total, field)

    def penalty_values(self, field: Tensor, inputs: Inputs) -> Iterator[Tensor]:
        for term, stiffness in zip(self.penalties.values(), inputs.stiffness, strict=True):
            # a user's own penalty need not know about stiffness
            yield term.penalty(field, inputs.spacing, *([] if stiffness is None else [stiffness]))


def as_vector(values: Sequence[Tensor], like: Tensor) -> Tensor:
    """Scalars as one vector, which may be empty."""
    return tf.stack([tf.cast(value, like.dtype) for value in values]) if values else tf.zeros(0, like.dtype)


def as_inputs(arrays: Mapping[str, Any]) -> Inputs:
    def tensor(value: Any) -> Tensor:
        return None if value is None else tf.constant(value)

    return Inputs(**{name: tf.nest.map_structure(tensor, arrays[name]) for name in Inputs._fields})

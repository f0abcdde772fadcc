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
        return constrained(tuple(self.regularizers.values()), field, spacing)

    def value_and_gradient(self, field: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """`[loss, *terms]` (terms unweighted) and the derivative of the loss by the field.

        Three programs of XLA, not one: within a program it repeats arithmetic for everything that reads the result, and
        would warp the image anew for each tap of a window.
        """
        warp_, pull_back = field_programs(tuple(self.regularizers.values()))
        n = len(self.similarities)
        warped, mask = warp_(field, inputs)
        similarities, by_warped = self._compare(warped, mask, inputs, inputs.weights[:n])
        penalties, gradient = pull_back(field, by_warped, inputs, inputs.weights[n:])
        terms = tf.concat([similarities, penalties], 0)
        return tf.concat([tf.reduce_sum(terms * inputs.weights)[None], terms], 0), gradient

    @functools.cached_property
    def _compare(self) -> Callable[..., tuple[Tensor, Tensor]]:
        return compiled(self.compared)

    def compared(self, warped: Tensor, mask: Tensor, inputs: Inputs, weights: Tensor) -> tuple[Tensor, Tensor]:
        """The similarities, and the derivative of their weighted sum by the warped image."""
        with tf.GradientTape() as tape:
            tape.watch(warped)
            values = as_vector([term(inputs.fixed, warped, mask) for term in self.similarities.values()], warped)
            total = tf.reduce_sum(values * weights)
        return values, tape.gradient(total, warped)


@functools.cache
def field_programs(regularizers: tuple[Regularizer, ...]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What needs no similarity, compiled: the next run of a study that compares similarities has it already."""

    def warped_and_mask(field: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        warped, covered = warp(inputs.moving, constrained(regularizers, field, inputs.spacing), inputs.usable)
        return warped, covered & inputs.mask

    def pulled_back(field: Tensor, by_warped: Tensor, inputs: Inputs, weights: Tensor) -> tuple[Tensor, Tensor]:
        """The penalties, and the derivative of the whole loss by the field."""
        with tf.GradientTape() as tape:
            tape.watch(field)
            used = constrained(regularizers, field, inputs.spacing)
            values = as_vector(list(penalties(regularizers, used, inputs)), field)
            total = tf.reduce_sum(values * weights)
            total += tf.reduce_sum(warp(inputs.moving, used)[0] * by_warped)  # its derivative is all that is used
        return values, tape.gradient(total, field)

    return compiled(warped_and_mask), compiled(pulled_back)


def constrained(regularizers: Sequence[Regularizer], field: Tensor, spacing: Tensor) -> Tensor:
    for term in regularizers:
        field = term.constrain(field, spacing)
    return field


def penalties(regularizers: Sequence[Regularizer], field: Tensor, inputs: Inputs) -> Iterator[Tensor]:
    for term, stiffness in zip((r for r in regularizers if r.has_penalty), inputs.stiffness, strict=True):
        # a user's own penalty need not know about stiffness
        yield term.penalty(field, inputs.spacing, *([] if stiffness is None else [stiffness]))


def as_vector(values: Sequence[Tensor], like: Tensor) -> Tensor:
    """Scalars as one vector, which may be empty."""
    return tf.stack([tf.cast(value, like.dtype) for value in values]) if values else tf.zeros(0, like.dtype)


def as_inputs(arrays: Mapping[str, Any]) -> Inputs:
    def tensor(value: Any) -> Tensor:
        return None if value is None else tf.constant(value)

    return Inputs(**{name: tf.nest.map_structure(tensor, arrays[name]) for name in Inputs._fields})

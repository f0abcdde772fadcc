"""The objective: weighted similarity terms plus weighted regulariser terms of one displacement field."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pairreg.arrays import FieldTensor, ImageTensor, MaskTensor
from pairreg.backend import Tensor, compiled, tf
from pairreg.optimization.cache_key import term_key
from pairreg.optimization.other_data import Maps, Points, map_programs, point_program
from pairreg.optimization.recent import Recent
from pairreg.regularizer.base import Regularizer
from pairreg.similarity.base import IMAGE, DataTerm, Similarity
from pairreg.similarity.landmarks import Landmarks
from pairreg.transform.warp import inner, warp


class Inputs(NamedTuple):
    """The inputs of one level's objective besides the field; all are tensors, so that one graph serves many pairs."""

    fixed: ImageTensor  # (*shape,)
    moving: ImageTensor  # (*shape,), or larger
    before: Tensor  # (ndim,) int32, voxels of the moving image before the first one of the fixed image
    mask: MaskTensor  # bool, voxels of the fixed image that count
    usable: MaskTensor  # bool, interpolation cells of the moving image that count; as large as it
    spacing: Tensor  # (ndim,) mm
    weights: Tensor  # (terms,)
    stiffness: tuple[Tensor | None, ...]  # per penalty (*shape,), None = 1 everywhere
    others: tuple[Maps | Points, ...] = ()  # what terms compare that are not on the images, by `Objective.on_others`

    @property
    def inner_moving(self) -> Tensor:
        """The moving image `(*shape,)` on the grid of the fixed one."""
        return inner(self.moving, self.before, self.fixed.shape)


@dataclass(frozen=True, eq=False)
class Objective:
    """The weighted sum of terms that is minimised: `loss = Σ weight · similarity + Σ weight · penalty`.

    The compiled functions take the weights from the inputs.
    """

    similarities: Mapping[str, DataTerm]
    regularizers: Mapping[str, Regularizer]

    @property
    def on_images(self) -> dict[str, Similarity]:
        """The similarities that compare the images as they are, by name."""
        terms = self.similarities.items()
        return {
            name: term
            for name, term in terms
            if isinstance(term, Similarity) and term.on == IMAGE and not term.mass_preserving
        }

    @property
    def on_others(self) -> dict[str, DataTerm]:
        """The terms that compare something else: channels, labels, densities, landmarks; by name."""
        return {name: term for name, term in self.similarities.items() if name not in self.on_images}

    @property
    def penalties(self) -> dict[str, Regularizer]:
        """The regularisers that add a term to the objective, by name."""
        return {name: term for name, term in self.regularizers.items() if term.has_penalty}

    @property
    def names(self) -> list[str]:
        """The names of the terms, in the order of `Inputs.weights`."""
        return [f"similarity/{n}" for n in self.similarities] + [f"regularizer/{n}" for n in self.penalties]

    @property
    def weights(self) -> list[float]:
        """The weights of the terms, in the order of `names`."""
        terms: list[DataTerm | Regularizer] = [*self.similarities.values(), *self.penalties.values()]
        return [term.weight for term in terms]

    @property
    def constraining(self) -> tuple[Regularizer, ...]:
        """The regularisers that change the field before warping."""
        return tuple(term for term in self.regularizers.values() if term.has_constraint)

    def constrained(self, field: FieldTensor, spacing: Tensor) -> FieldTensor:
        """Return the field `(*shape, ndim)` as the regularisers change it before warping; `spacing` `(ndim,)` in mm."""
        return _constrain(self.constraining, field, spacing)


class Programs:
    """The compiled parts of objectives on one grid: those of the field by regularisers, the others by similarities.

    There are three programs of XLA and not one: within a program it repeats arithmetic for everything that reads the
    result, and would warp the image anew for each tap of a window.

    **Arguments:** `capacity`: how many of each kind are kept.
    """

    def __init__(self, capacity: int):
        self._of_field: Recent[tuple[Callable[..., Any], Callable[..., Any]]] = Recent(capacity)
        self._of_images: Recent[Callable[..., Any]] = Recent(capacity)
        self._of_others: Recent[Callable[..., Any]] = Recent(capacity)

    def of(self, objective: Objective) -> Callable[[Tensor, Inputs], tuple[Tensor, Tensor]]:
        """Return a function of a field and the inputs: `[loss, *terms]` and the derivative of the loss by the field.

        The terms are unweighted.
        """
        similarities, regularizers = tuple(objective.on_images.values()), tuple(objective.regularizers.values())
        warp_, pull_back = self._of_field.get(tuple(map(term_key, regularizers)), lambda: _field_programs(regularizers))
        compare = self._of_images.get(tuple(map(term_key, similarities)), lambda: _image_program(similarities))
        others = [self._of_other(term, objective) for term in objective.on_others.values()]
        n, names = len(objective.similarities), list(objective.similarities)
        at_images = np.array([names.index(name) for name in objective.on_images], np.int32)
        at_others = [names.index(name) for name in objective.on_others]
        order = np.argsort([*at_images, *at_others])

        def value_and_gradient(field: FieldTensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
            # The chain rule by hand, program by program: warp, compare, then pull the derivative back to the field.
            warped, mask = warp_(field, inputs)
            values, by_warped = compare(warped, mask, inputs, tf.gather(inputs.weights, at_images))
            penalties, gradient = pull_back(field, by_warped, inputs, inputs.weights[n:])
            more = [other(field, data, inputs.spacing) for other, data in zip(others, inputs.others, strict=True)]
            if more:
                values = tf.gather(tf.concat([values, tf.stack([value for value, _ in more])], 0), order)
                weighted = [inputs.weights[i] * slope for i, (_, slope) in zip(at_others, more, strict=True)]
                gradient = tf.add_n([gradient, *weighted])
            terms = tf.concat([values, penalties], 0)
            return tf.concat([tf.reduce_sum(terms * inputs.weights)[None], terms], 0), gradient

        return value_and_gradient

    def _of_other(self, term: DataTerm, objective: Objective) -> Callable[..., Any]:
        """Return a function of a field, the data of `term` and the spacing: its value, and its derivative by the field.

        Both are unweighted.
        """
        constrain = objective.constrained

        def programs() -> Callable[..., Any]:
            if isinstance(term, Landmarks):
                return point_program(term, constrain)
            assert isinstance(term, Similarity), "any other term is a similarity"
            return map_programs(term, constrain)

        return self._of_others.get((term_key(term), tuple(map(term_key, objective.constraining))), programs)


def _image_program(similarities: Sequence[Similarity]) -> Callable[..., Any]:
    """Compile the similarities, and the derivative of their weighted sum by the warped image."""

    def compared(warped: ImageTensor, mask: MaskTensor, inputs: Inputs, weights: Tensor) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(warped)
            values = _as_vector([term(inputs.fixed, warped, mask) for term in similarities], warped)
            total = tf.reduce_sum(values * weights)
        return values, tape.gradient(total, warped, unconnected_gradients="zero")  # no term is on the images

    return compiled(compared)


def _field_programs(regularizers: Sequence[Regularizer]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Compile warp and penalties: they do not depend on the similarities, so runs that differ in these reuse them."""

    def warped_and_mask(field: FieldTensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        used = _constrain(regularizers, field, inputs.spacing)
        warped, covered = warp(inputs.moving, used, inputs.usable, inputs.before)
        return warped, covered & inputs.mask

    def pulled_back(
        field: FieldTensor, by_warped: ImageTensor, inputs: Inputs, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The penalties, and the derivative of the whole loss by the field."""
        with tf.GradientTape() as tape:
            tape.watch(field)
            used = _constrain(regularizers, field, inputs.spacing)
            values = _as_vector(list(_penalties(regularizers, used, inputs)), field)
            total = tf.reduce_sum(values * weights)
            warped, _ = warp(inputs.moving, used, before=inputs.before)
            total += tf.reduce_sum(warped * by_warped)  # its derivative is all that is used
        return values, tape.gradient(total, field)

    return compiled(warped_and_mask), compiled(pulled_back)


def _constrain(regularizers: Sequence[Regularizer], field: FieldTensor, spacing: Tensor) -> FieldTensor:
    for term in regularizers:
        field = term.constrain(field, spacing)
    return field


def _penalties(regularizers: Sequence[Regularizer], field: FieldTensor, inputs: Inputs) -> Iterator[Tensor]:
    for term, stiffness in zip((r for r in regularizers if r.has_penalty), inputs.stiffness, strict=True):
        # a user's own penalty need not know about stiffness
        yield term.penalty(field, inputs.spacing, *([] if stiffness is None else [stiffness]))


def _as_vector(values: Sequence[Tensor], like: Tensor) -> Tensor:
    """Stack scalars into one vector of the dtype of `like`; without scalars it is empty."""
    return tf.stack([tf.cast(value, like.dtype) for value in values]) if values else tf.zeros(0, like.dtype)


def as_inputs(arrays: Mapping[str, Any]) -> Inputs:
    """Turn arrays by the names of `Inputs` into tensors."""

    def tensor(value: Any) -> Tensor:
        return None if value is None else tf.constant(value)

    return Inputs(**{name: tf.nest.map_structure(tensor, value) for name, value in arrays.items()})

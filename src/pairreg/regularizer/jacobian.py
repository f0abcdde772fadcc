"""Penalty on folds, by the determinant of the deformation."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, final

import numpy as np
from pydantic import Field

from pairreg.arrays import FieldTensor, ImageTensor, Scalar
from pairreg.backend import Tensor, kept, kept_each, one_of, tf, with_gradient
from pairreg.regularizer.base import Regularizer, Spacing, as_field, as_stiffness, differentiable_axes, total
from pairreg.regularizer.neighbours import (
    as_field_of,
    neighbours,
    step_along,
    surrounded,
    surrounded_by_zeros,
    surrounded_components,
)
from pairreg.validation import NonNegative


@final
@dataclass(frozen=True, kw_only=True)
class Jacobian(Regularizer):
    """Penalises folds: mean of relu(margin − det(∇φ)) over voxels, φ(x) = x + u(x) as the warp has it.

    The determinant is the volume that the deformation gives a small piece of space: 1 for a translation, 0 or less
    where it folds. The mean is over the cells between voxels and over their corners, whose determinants are those by
    forward and backward differences in every combination: the folds that `folds_percent` counts are those that cost,
    and in 2-D the value is `ndv_percent` / 100.

    The penalty is 0 if nothing folds. It is dimensionless, and the same at every spacing: in mm, ∇φ is S J S⁻¹ with J
    in voxels and S the diagonal of the spacings, whose determinant is that of J. An axis of one voxel does not deform.

    **Arguments:** `margin`: determinant (at least 0, below 1) under which a voxel costs. At 0 a fold is repaired no
    further than to flatness, which still counts as folded; a margin of 0.1 keeps a tenth of the volume.

    Source: Kuang & Schmah, MLMI (2019), arXiv 1811.09243. The released scripts of Chen et al. (Medical Physics 47:6366,
    2020) sum it over the forward differences of a 2-D field: their weight w is w·(rows − 1)·(columns − 1) here. Their
    warp used x − u but this penalty x + u; here both are x + u.
    """

    weight: NonNegative = 30.0
    margin: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0  # from 1 on a translation would cost

    def penalty(self, field: FieldTensor, spacing: Spacing, stiffness: ImageTensor | None = None) -> Scalar:
        del spacing
        u = as_field(field)
        factors = as_stiffness(stiffness, u)
        return _mean_shortfall(u, tf.constant(self.margin, u.dtype), *([] if factors is None else [factors]))


Corner = tuple[int, ...]  # per axis 1 for the forward difference, -1 for the backward one, 0 where there is one voxel
Vector = list[Tensor]  # its components
Rows = Mapping[int, Mapping[int, Vector]]  # by axis and side, the rows of the matrix ∇φ


def _gradient(inputs: Sequence[Tensor], outputs: Sequence[Tensor], upstream: Tensor) -> list[Tensor | None]:
    """Return the derivative of `_mean_shortfall` by the field.

    An edge between two voxels is a row of the matrix at corners on both of its ends. The derivative of a determinant by
    a row is the cross product of the other rows, and that by a voxel is the difference between the edges before it and
    behind it.
    """
    u, _, *stiffness = inputs
    _, folded, *components = outputs
    shape, ndim = u.shape[:-1], u.shape[-1]

    def by_field() -> FieldTensor:
        factors = [surrounded(x, ndim) for x in stiffness]
        which = surrounded_by_zeros(folded)
        slopes: Vector = [tf.zeros(shape, u.dtype)] * ndim
        for axis in differentiable_axes(u):
            # from the edge that ends at the first voxel to that which begins at the last: these two have no corners
            size = [n + (d == axis) for d, n in enumerate(shape)]
            begin = _by_row(axis, 1, _Voxels(components, factors, step_along(axis, -1, ndim), size), which)
            end = _by_row(axis, -1, _Voxels(components, factors, [0] * ndim, size), which)
            edges = kept_each(_add(begin, end), u)
            behind = step_along(axis, 1, ndim)
            slopes = _add(slopes, [tf.slice(x, behind, shape) - tf.slice(x, [0] * ndim, shape) for x in edges])
        return as_field_of([x / _count(shape) for x in slopes], u)

    # Mostly nothing folds. And XLA, which does not merge loops across a condition, would merge these with what follows.
    slope = tf.cond(tf.reduce_max(folded) > 0, by_field, lambda: tf.zeros_like(u))
    return [upstream * slope, None, *[None] * len(stiffness)]


@with_gradient("mean_shortfall", _gradient)
def _mean_shortfall(u: FieldTensor, margin: Tensor, stiffness: ImageTensor | None = None) -> tuple[Tensor, ...]:
    """Return the mean of relu(margin − det(∇φ)) over cells and corners, and what its derivative needs.

    That is for every voxel which of its corners cost, as the sum of their `_bit`, and the field's components. The
    derivative in closed form takes a sixth of the time of the automatic one.
    """
    shape, ndim = u.shape[:-1], u.shape[-1]
    components = surrounded_components(u)
    factors = [] if stiffness is None else [surrounded(stiffness, ndim)]
    voxels = _Voxels(components, factors, [0] * ndim, shape)
    rows, inside = voxels.rows(range(ndim)), _inside(u)
    cost, folded = tf.zeros(shape, u.dtype), tf.zeros(shape, u.dtype)
    for others, group in itertools.groupby(_corners(shape), lambda corner: corner[1:]):
        normal = _cross(0, [rows[d][side] for d, side in enumerate(others, 1)])
        for corner in group:
            determinant = tf.add_n([x * y for x, y in zip(rows[0][corner[0]], normal, strict=True)])
            counts = math.prod(inside[d][side] for d, side in enumerate(corner))
            short = counts * tf.maximum(margin - determinant, 0)
            folded += tf.where(short > 0, tf.cast(_bit(corner), u.dtype), 0)
            cost += short * voxels.stiffness(corner) if factors else short
    return total(cost) / _count(shape), kept(folded, u), *components


def _by_row(axis: int, side: int, voxels: "_Voxels", folded: Tensor) -> Vector:
    """Return the sum of the derivatives of determinants by the row of `axis`, over the corners of each voxel that cost.

    The corners are those whose edge along `axis` leads to `side`.
    """
    *others, last = (d for d in range(len(voxels.size)) if d != axis)
    rows = voxels.rows([*others, last])
    which = tf.cast(neighbours(folded, voxels.offset, voxels.size), tf.int32)
    derivatives: Vector = [tf.zeros(voxels.size, folded.dtype)] * len(voxels.size)
    corners = [corner for corner in _corners(voxels.shape) if corner[axis] == side]
    # The cross product is linear in each row, so the corners that differ in the last one only are summed first.
    for sides, group in itertools.groupby(sorted(corners), lambda corner: [corner[d] for d in others]):
        row: Vector = [tf.zeros(voxels.size, folded.dtype)] * len(voxels.size)
        for corner in group:
            costs = tf.bitwise.bitwise_and(which, _bit(corner)) > 0
            factor = voxels.stiffness(corner) if voxels.factors else 1
            row = _add(row, [tf.where(costs, x * factor, 0) for x in rows[last][corner[last]]])
        derivatives = _add(derivatives, _cross(axis, [*(rows[d][s] for d, s in zip(others, sides, strict=True)), row]))
    return derivatives


@dataclass(frozen=True)
class _Voxels:
    """A grid of voxels `size` that begins at `offset`, in arrays that are surrounded by one voxel on all sides."""

    components: Sequence[Tensor]
    factors: Sequence[Tensor]  # none, or the stiffness
    offset: Sequence[int]
    size: Sequence[int]

    @property
    def shape(self) -> list[int]:
        """The shape of the image."""
        return [n - 2 for n in self.components[0].shape]

    def rows(self, axes: Sequence[int]) -> Rows:
        """Return ∂φ/∂x along each of `axes`, by the differences towards each side."""
        return {d: {side: self._row(d, side) for side in _sides(self.shape[d])} for d in axes}

    @cached_property
    def _here(self) -> Vector:
        return [neighbours(x, self.offset, self.size) for x in self.components]

    def _row(self, axis: int, side: int) -> Vector:
        pairs = [(self._next(x, axis, side), here) for x, here in zip(self.components, self._here, strict=True)]
        slopes = [here - there if side < 0 else there - here for there, here in pairs]
        return [slope + 1 if c == axis else slope for c, slope in enumerate(slopes)]

    def _next(self, x: Tensor, axis: int, side: int) -> Tensor:
        return neighbours(x, [o + (side if d == axis else 0) for d, o in enumerate(self.offset)], self.size)

    def stiffness(self, corner: Corner) -> Tensor:
        """Return the mean stiffness of the edges that meet in `corner`, each that of its two voxels."""
        (factors,) = self.factors
        here = neighbours(factors, self.offset, self.size)
        ends = [self._next(factors, d, side) for d, side in enumerate(corner) if side]
        return (here + tf.add_n(ends) / len(ends)) / 2 if ends else here


def _sides(n: int) -> Corner:
    return (1, -1) if n > 1 else (0,)


def _corners(shape: Sequence[int]) -> list[Corner]:
    """Return the corners, those together that differ in the first axis only."""
    return [corner[::-1] for corner in itertools.product(*(_sides(n) for n in reversed(shape)))]


def _bit(corner: Corner) -> int:
    return 2 ** sum(2**d for d, side in enumerate(corner) if side < 0)


def _count(shape: Sequence[int]) -> float:
    """Return the number of cells times that of their corners."""
    return float(np.prod([max(n - 1, 1) for n in shape]) * len(_corners(shape)))


def _inside(u: FieldTensor) -> list[dict[int, Tensor]]:
    """Return for each axis and side 1 where the edge to that side ends inside the image and 0 elsewhere."""
    one = one_of(u)  # else the compiler would keep an array of the whole image for each corner
    found = []
    for d, n in enumerate(u.shape[:-1]):
        size = step_along(d, n - 1, u.shape[-1])
        ends = {side: (np.arange(n) + side >= 0) & (np.arange(n) + side < n) for side in _sides(n)}
        found.append({side: one * tf.constant(end.reshape(np.add(size, 1)), u.dtype) for side, end in ends.items()})
    return found


def _cross(axis: int, others: Sequence[Vector]) -> Vector:
    """Return the derivative of a determinant by the row of `axis`; `others` are the other rows, in their order."""
    if len(others) == 1:
        a, b = others[0]
        return [b, -a] if axis == 0 else [-b, a]
    a, b = others if axis != 1 else others[::-1]
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _add(a: Vector, b: Vector) -> Vector:
    return [x + y for x, y in zip(a, b, strict=True)]

"""A field and the neighbours of its voxels, laid out so that a compiled penalty reads them fast.

XLA reads slices of an array that lies in memory at the speed of the memory. What is padded, stacked or taken apart
within one of its loops costs a branch for every voxel, and what several readers share is computed anew for each of them
unless it is `kept`.
"""

from collections.abc import Sequence

from pairreg.arrays import FieldTensor
from pairreg.backend import Tensor, kept, kept_each, tf
from pairreg.regularizer.base import part


def surrounded(x: Tensor, axes: int) -> Tensor:
    """Return `x` with its border repeated once on both sides of each of the first `axes` axes.

    A difference across the border is then 0.
    """
    for axis in range(axes):
        x = tf.concat([part(x, axis, None, 1), x, part(x, axis, -1, None)], axis)
    return x


def surrounded_by_zeros(x: Tensor) -> Tensor:
    """Return `x` with one sample of 0 on both sides of each axis, kept: `tf.pad` takes ten times as long."""
    wide = x
    for axis in range(len(x.shape)):
        zeros = tf.zeros_like(part(wide, axis, None, 1))
        wide = tf.concat([zeros, wide, zeros], axis)
    return kept(wide, x)


def surrounded_components(u: FieldTensor) -> list[Tensor]:
    """Return the components of `u` `(*shape, ndim)`, each `surrounded` and an array of its own."""
    return kept_each(tf.unstack(surrounded(u, u.shape[-1]), axis=-1), u)


def as_field_of(components: Sequence[Tensor], known: Tensor) -> FieldTensor:
    """Return the field `(*shape, ndim)` that has these components `(*shape,)`; `known` as in `kept`."""
    return tf.transpose(kept(tf.stack(components, 0), known), [*range(1, len(components) + 1), 0])


def neighbours(x: Tensor, offset: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Return the part `shape` of `x`, surrounded by one sample, that begins `offset` samples from its first one."""
    return tf.slice(x, [1 + step for step in offset], shape)


def step_along(axis: int, step: int, ndim: int) -> list[int]:
    """Return the offset of `step` voxels along one axis."""
    return [step if d == axis else 0 for d in range(ndim)]

"""The determinant of the derivative of a transform, differentiable in its field."""

from pairreg.arrays import FieldTensor, ImageTensor
from pairreg.backend import Tensor, tf


def determinant(field: FieldTensor) -> ImageTensor:
    """Return `det(I + ∇u)` at every voxel, `(*spatial,)`; `field` `(*spatial, ndim)` is in voxels.

    Differences are central, and one-sided at the border, so linear fields are exact. Along an axis of one voxel nothing
    changes.
    """
    ndim = field.shape[-1]
    rows = [tf.unstack(_difference(field, axis), axis=-1) for axis in range(ndim)]
    for axis, row in enumerate(rows):
        row[axis] += 1
    if ndim == 2:
        (a, b), (c, d) = rows
        return a * d - b * c
    first, second, third = rows
    cyclic = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    return tf.add_n([first[i] * (second[j] * third[k] - second[k] * third[j]) for i, j, k in cyclic])


def _difference(field: FieldTensor, axis: int) -> Tensor:
    n = field.shape[axis]
    if n == 1:
        return tf.zeros_like(field)
    at = [tf.gather(field, indices, axis=axis) for indices in ([0], [1], [n - 2], [n - 1])]
    inner = field[(slice(None),) * axis + (slice(2, None),)] - field[(slice(None),) * axis + (slice(None, -2),)]
    return tf.concat([at[1] - at[0], inner / 2, at[3] - at[2]], axis)

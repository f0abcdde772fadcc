"""Both directions of a pair at once: the pair the other way round, and how far the way there and back misses."""

from collections.abc import Callable, Sequence

from pairreg.arrays import FieldTensor, Scalar
from pairreg.backend import Tensor, compiled, tf
from pairreg.optimization.objective import Inputs
from pairreg.optimization.other_data import Constrain
from pairreg.transform.warp import inner, interpolate, usable_cells

TERM = "regularizer/inverse_consistency"  # its name in the history


def value_and_gradients(
    objective: Callable[[FieldTensor, Inputs], tuple[Tensor, Tensor]],
    consistency: Callable[[FieldTensor, FieldTensor, Tensor], tuple[Scalar, list[Tensor]]],
    fields: Sequence[FieldTensor],
    inputs: Inputs,
    weight: float,
) -> tuple[Tensor, list[Tensor]]:
    """Return `[loss, *terms, inverse consistency]` and the derivatives of the loss by the two fields.

    Loss and terms are the means of both directions, and `weight` times the inverse consistency is added to the loss.

    **Arguments:** `objective`: of one field and its inputs, `[loss, *terms]` and the derivative of the loss;
    `consistency`: a `consistency_program`; `fields`: forward and backward, `(*shape, ndim)` in voxels of one grid.
    """
    forward, backward = (
        objective(field, one) for field, one in zip(fields, (inputs, reversed_inputs(inputs)), strict=True)
    )
    u, w = fields
    missed, by_fields = consistency(u, w, inputs.spacing)
    mean = (forward[0] + backward[0]) / 2
    values = tf.concat([mean[:1] + weight * missed, mean[1:], missed[None]], 0)
    return values, [g[1] / 2 + weight * by for g, by in zip((forward, backward), by_fields, strict=True)]


def reversed_inputs(inputs: Inputs) -> Inputs:
    """Return the inputs with the images exchanged: the moving image on the grid, without what lies beyond it."""
    return inputs._replace(
        fixed=inputs.inner_moving,
        moving=inputs.fixed,
        before=tf.zeros_like(inputs.before),
        mask=inner(inputs.usable, inputs.before, inputs.fixed.shape),
        usable=usable_cells(inputs.mask),
        stiffness=tuple(None for _ in inputs.stiffness),  # of labels of the fixed image, which the other grid lacks
        others=tuple(one.reversed() for one in inputs.others),
    )


def consistency_program(
    constrain: Constrain,
) -> Callable[[FieldTensor, FieldTensor, Tensor], tuple[Scalar, list[Tensor]]]:
    """Compile the inverse consistency of two fields, given the spacing in mm: its value, and its derivatives by them.

    It is the mean of |u(x) + w(x + u(x))|² over voxels and both directions, in mm². As in the warp, u and w are what
    `constrain` makes of the fields.
    """

    def inverse_consistency(u: FieldTensor, w: FieldTensor, spacing: Tensor) -> tuple[Scalar, list[Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch([u, w])
            used = [constrain(field, spacing) for field in (u, w)]
            ways = [(there + interpolate(back, there)) * spacing for there, back in (used, used[::-1])]
            # a compiled float32 sum over millions of voxels loses digits
            squares = [tf.reduce_mean(tf.cast(tf.reduce_sum(way**2, -1), tf.float64)) for way in ways]
            missed = tf.cast((squares[0] + squares[1]) / 2, u.dtype)
        return missed, tape.gradient(missed, [u, w])

    return compiled(inverse_consistency)

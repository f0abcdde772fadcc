"""Functions that XLA compiles."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from pairreg.backend.forget import forgettable
from pairreg.backend.tensorflow import Tensor, tf

_LAUNCH = "XlaLaunch"  # TensorFlow's operation that runs a program of XLA


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function of tensors, in tuples, lists or alone, so that XLA compiles it when it is first called.

    That is several times faster for gathers and point-wise arithmetic. XLA and plain graphs round differently, so what
    is compiled is fixed in the code and not left to a setting. It has no derivative (`with_gradient` gives it one): a
    tape that meets it raises `LookupError`.

    In the graph that calls it, it becomes the operation that runs a program of XLA. `tf.function(jit_compile=True)`
    becomes a call, for which TensorFlow makes such an operation by itself, and keeps what it has read to do so for the
    life of the process: 10 MB for every size of image.
    """

    @forgettable
    @functools.cache
    def programs() -> tuple[Callable[..., Any], Callable[..., Any]]:
        # AutoGraph would spend a second on rewriting Python's `if` and `while`, which decide about shapes only
        traced = tf.function(function, autograph=False)

        def launch(*arguments: Any) -> Any:
            return _launched(traced.get_concrete_function(*arguments), arguments)

        return launch, tf.function(launch, autograph=False)

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        in_graph, alone = programs()
        tensors = tf.nest.map_structure(lambda x: None if x is None else tf.convert_to_tensor(x), arguments)
        return (alone if tf.executing_eagerly() else in_graph)(*tensors)

    return call


def _launched(program: Any, arguments: Sequence[Any]) -> Any:
    """Add the operation to the graph that runs a traced function by XLA, and return its results."""
    from tensorflow.python.framework import op_def_library  # `tf.raw_ops` lacks this operation

    inputs = [x for x in tf.nest.flatten(arguments) if x is not None]
    inputs += program.captured_inputs
    variables = [x for x in inputs if x.dtype == tf.resource]
    values = inputs[: len(inputs) - len(variables)]
    assert all(x.dtype != tf.resource for x in values), "the operation takes variables after all others"
    results = op_def_library.apply_op(
        _LAUNCH,
        constants=[],
        args=values,
        resources=variables,
        Tresults=[x.dtype for x in program.outputs],
        function=program,
    )
    outputs = results if program.outputs else []  # without any, it is the operation itself
    tf.__internal__.record_gradient(_LAUNCH, inputs, (), outputs)  # for a tape that is asked for its derivative to fail
    for output, traced in zip(outputs, program.outputs, strict=True):
        output.set_shape(traced.shape)
    left = iter(outputs)
    return tf.nest.map_structure(lambda x: None if x is None else next(left), program.structured_outputs)


def kept(x: Tensor, known: Tensor) -> Tensor:
    """Return `x` such that a compiled program computes it once and keeps it in memory for all that read it.

    XLA merges loops where it can, and computes a result anew for everything that reads it. What comes out of a division
    it keeps, unless it knows that the divisor is 1. `known`: a tensor of the dtype of `x` that lies in memory already,
    for a divisor of which XLA does not know that; what is computed in the same loop would be computed twice.
    """
    return kept_each([x], known)[0]


def kept_each(several: Sequence[Tensor], known: Tensor) -> list[Tensor]:
    """Return several tensors, each as in `kept`."""
    one = one_of(known)
    return [x / one for x in several]


def one_of(known: Tensor) -> Tensor:
    """Return 1, of which XLA does not know that it is 1 as long as it does not know the tensor `known`."""
    # the square and not `abs`, which TensorFlow takes 10 ms to translate for XLA, each time that it occurs
    return 1 + tf.minimum(tf.reshape(known, [-1])[0] ** 2, 0)

"""Functions of tensors with a derivative in closed form."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from pairreg.backend.tensorflow import Tensor, tf

Gradient = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor], Sequence[Tensor | None]]


def with_gradient(name: str, gradient: Gradient) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Decorate a function of tensors so that `gradient(inputs, outputs, upstream)` is its derivative.

    The function returns its result, or a tuple of it and further tensors that only the derivative needs; these are the
    `outputs`. `upstream` is the derivative by the result. `gradient` returns one tensor, or None for zero, per input.

    `tf.custom_gradient` does the same but registers a closure for every trace and never forgets it, which keeps the
    graphs of all image sizes alive. What is registered here is one function per `name`, for the life of the process.
    """

    def decorate(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        @functools.wraps(function)
        def call(*inputs: Tensor) -> Tensor:
            return _recorded(name, function, gradient, [tf.convert_to_tensor(x) for x in inputs])

        return call

    return decorate


def _recorded(name: str, function: Callable[..., Any], gradient: Gradient, inputs: list[Tensor]) -> Tensor:
    from tensorflow.python.eager import record  # the only way to tell a tape about an operation of one's own

    if tf.executing_eagerly():
        with record.stop_recording():
            outputs = _as_list(function(*inputs))
        record.record_operation(name, outputs[:1], inputs, lambda upstream: gradient(inputs, outputs, upstream))
        return outputs[0]
    outputs = _as_list(function(*inputs))
    # The derivative of a graph is found by the names of its operations: this one passes on what it is given.
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": _register(name, gradient, len(inputs))}):
        passed = tf.identity_n([*outputs, *inputs])
    none = [None] * len(outputs)  # by the outputs of the function, which are inputs of the operation
    record.record_operation(
        name, passed, [*outputs, *inputs], lambda upstream, *_: [*none, *gradient(inputs, outputs, upstream)]
    )
    return passed[0]


def _as_list(result: Any) -> list[Tensor]:
    return list(result) if isinstance(result, tuple) else [result]


@functools.cache
def _register(name: str, gradient: Gradient, inputs: int) -> str:
    """Register the derivative of the operation that `_recorded` adds to graphs, under a name that is returned."""
    unique = f"pairreg/{name}/{inputs}/{id(gradient)}"

    @tf.RegisterGradient(unique)  # type: ignore[untyped-decorator]
    def of_operation(operation: Any, upstream: Tensor, *unused: Tensor) -> list[Tensor | None]:
        del unused  # only the first output is used outside
        n = len(operation.outputs) - inputs
        return [None] * n + list(gradient(operation.inputs[n:], operation.outputs[:n], upstream))

    return unique

"""Functions that XLA compiles."""

import functools
from collections.abc import Callable
from typing import Any

from pairreg.backend.forget import forgettable
from pairreg.backend.tensorflow import Tensor, tf


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate `function` so that XLA compiles it when it is first called.

    That is several times faster for gathers and point-wise arithmetic. XLA and plain graphs round differently, so what
    is compiled is fixed in the code and not left to a setting.
    """

    @forgettable
    @functools.cache
    def traced() -> Callable[..., Any]:
        # AutoGraph would spend a second on rewriting Python's `if` and `while`, which decide about shapes only
        result: Callable[..., Any] = tf.function(function, jit_compile=True, autograph=False)
        return result

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return traced()(*arguments)

    return call


def kept(x: Tensor, known: Tensor) -> Tensor:
    """Return `x` such that a compiled program computes it once and keeps it in memory for all that read it.

    XLA merges loops where it can, and computes a result anew for everything that reads it. What comes out of a division
    it keeps, unless it knows that the divisor is 1. `known`: a tensor of the dtype of `x` that lies in memory already,
    for a divisor of which XLA does not know that; what is computed in the same loop would be computed twice.
    """
    return x / one_of(known)


def one_of(known: Tensor) -> Tensor:
    """Return 1, of which XLA does not know that it is 1 as long as it does not know the tensor `known`."""
    return 1 + tf.minimum(abs(tf.reshape(known, [-1])[0]), 0)

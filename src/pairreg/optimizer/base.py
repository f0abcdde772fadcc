"""The interfaces of optimizers and of the problems that they minimise."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True)
class Paused:
    """An optimizer between two iterations of a level.

    **Attributes:** `iterations`: done so far; `arrays`: what it needs besides the parameters to go on to the same bits.
    """

    iterations: int
    arrays: Sequence[np.ndarray]


Pause = Callable[[], Paused]  # returns the present state of an optimizer


class Report(Protocol):
    """What an optimizer calls after one or more iterations."""

    def __call__(self, rows: np.ndarray, pause: Pause | None = None) -> bool:
        """Return whether to stop; raises `DivergedError` for values that are not finite.

        **Arguments:** `rows` `(n, columns)`: loss, terms and norm of the gradient of each iteration; `pause`: from
        an optimizer that can go on from its state.
        """
        ...


class Problem(Protocol):
    """The part of `pairreg.optimization.compiled_level.CompiledLevel` that an optimizer needs."""

    variables: list[Any]  # tf.Variable, what the optimizer changes
    inputs: Any  # tensors that the objective depends on besides the variables
    learning_rate: float  # the step that suits the transform
    columns: int  # values in a row: loss, terms and norm of the gradient

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what `make()` returned for `key` earlier, or call it."""

    def value_and_gradients(self, inputs: Any) -> tuple[Any, list[Any]]:
        """Return the values `(columns,)` of a row of the history, and the gradients of the variables."""


def assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Set each tf.Variable to the value at its place."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def is_grid(variable: Any) -> bool:
    """Return whether these are nodes `(*nodes, components)`, and not the weights `(n,)` of a network."""
    return len(variable.shape) > 1


@runtime_checkable
class Optimizer(Protocol):
    """An object that lowers a problem's objective."""

    def minimize(self, problem: Problem, iterations: int, report: Report, paused: Paused | None = None) -> None:
        """Change the problem's variables, in at most `iterations`, or until `report` says so.

        When `report` raises `DivergedError`, the variables hold an earlier, finite state. With `paused`, which an
        earlier `report` received, it goes on from there; the variables hold their values of then.
        """
        ...

"""The interfaces of optimizers and of the problems that they minimise."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol, runtime_checkable

import numpy as np

Report = Callable[[np.ndarray], bool]


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


@runtime_checkable
class Optimizer(Protocol):
    """An object that lowers a problem's objective."""

    def minimize(self, problem: Problem, iterations: int, report: Report) -> None:
        """Change the problem's variables, in at most `iterations`.

        `report(rows)` receives the values of one or more iterations, `(n, columns)`: loss, terms and norm of the
        gradient. It returns whether to stop, and raises `DivergedError` for values that are not finite. The variables
        then hold an earlier, finite state.
        """
        ...

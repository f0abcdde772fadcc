"""What every optimizer is: something that lowers a problem's objective and reports each iteration."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol, runtime_checkable

import numpy as np

Report = Callable[[np.ndarray], bool]


class Problem(Protocol):
    """What an optimizer needs of `pairreg.optimization.compiled_level.CompiledLevel`."""

    variables: list[Any]  # tf.Variable, what the optimizer changes
    inputs: Any  # tensors that the objective depends on besides the variables
    learning_rate: float  # the step that suits the transform
    columns: int  # values in a row: loss, terms and norm of the gradient

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """`make()`, remembered with this problem."""

    def value_and_gradients(self, inputs: Any) -> tuple[Any, list[Any]]:
        """The values of a row, and the gradients of the variables."""


@runtime_checkable
class Optimizer(Protocol):
    """What lowers a problem's objective."""

    def minimize(self, problem: Problem, iterations: int, report: Report) -> None:
        """Change the problem's variables for at most `iterations`.

        `report(rows)` receives the values of the objective (loss, terms) of one or more iterations, `(n, 1 + terms)`,
        and says whether to stop; it raises `DivergedError` for values that are not finite. The variables then hold an
        earlier, finite state.
        """
        ...

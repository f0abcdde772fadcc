"""What every optimizer is: something that lowers a problem's objective and reports each iteration."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from pairreg.optimization.compiled_level import CompiledLevel

Report = Callable[[np.ndarray], bool]


@runtime_checkable
class Optimizer(Protocol):
    """What lowers a problem's objective."""

    def minimize(self, problem: "CompiledLevel", iterations: int, report: Report) -> None:
        """Change the problem's variables for at most `iterations`.

        `report(rows)` receives the values of the objective (loss, terms) of one or more iterations, `(n, 1 + terms)`,
        and says whether to stop; it raises `DivergedError` for values that are not finite. The variables then hold an
        earlier, finite state.
        """
        ...

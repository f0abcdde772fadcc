"""The quasi-Newton method L-BFGS-B of SciPy."""

from dataclasses import dataclass
from typing import Annotated, Any, final

import numpy as np
import scipy.optimize
from pydantic import Field

from pairreg.backend import Tensor, tf
from pairreg.optimizer.base import Paused, Problem, Report, is_grid
from pairreg.validation import Checked

_JITTER = 0.01  # voxels, of the vectors of a grid
_JITTER_OF_WEIGHTS = 1e-4  # of those of a network that are 0: a hundredth of a voxel, about, or less


@final
@dataclass(frozen=True, kw_only=True)
class LBFGS(Checked):
    """Minimises by L-BFGS-B of SciPy on the flat parameters: few, expensive iterations, each with a line search.

    The objective has to be deterministic (all of ours are). The parameters pass through Python in float64 on every
    evaluation.

    **Arguments:** `memory`: how many steps make up the approximate Hessian.

    Source: Liu & Nocedal, Mathematical Programming 45:503 (1989).
    """

    memory: Annotated[int, Field(ge=1, le=100)] = 10

    def minimize(self, problem: Problem, iterations: int, report: Report, paused: Paused | None = None) -> None:
        assert paused is None  # SciPy does not give its state away: a level is done again from its start
        run = _FlatObjective(problem, report)
        start = run.parameters() + run.jitter()
        run.evaluate(start)
        # SciPy looks at its limit after an iteration: it cannot do none.
        if run.accept() or iterations == 1:
            return
        budget = {"maxiter": iterations - 1, "maxfun": 20 * iterations}  # SciPy's own limit of a line search is 20
        options = budget | {"maxcor": self.memory, "ftol": 0.0, "gtol": 0.0}  # the schedule decides about convergence
        done = scipy.optimize.minimize(
            run.evaluate, start, jac=True, method="L-BFGS-B", callback=run.callback, options=options
        )
        run.assign(done.x)


class _FlatObjective:
    """The objective as a function of one flat vector, as SciPy wants it."""

    def __init__(self, problem: Problem, report: Report):
        self.problem, self.report = problem, report
        function = problem.value_and_gradients
        self.compiled = problem.once("value and gradients", lambda: tf.function(function, autograph=False))
        self.values: np.ndarray = np.zeros(0)

    def parameters(self) -> np.ndarray:
        """Return all variables as one float64 vector."""
        return np.concatenate([variable.numpy().ravel() for variable in self.problem.variables]).astype(np.float64)

    def jitter(self) -> np.ndarray:
        """Return small random numbers for all variables, as one vector.

        A field of whole voxels sits on the kinks of linear interpolation, where no line search finds a descent. The
        vectors of a grid are jittered, and of a network the weights that are 0, such as those of a last layer: jitter
        of the others would change what earlier levels have made of it.
        """
        variables = self.problem.variables
        most = [_JITTER if is_grid(one) else _JITTER_OF_WEIGHTS * (one.numpy() == 0) for one in variables]
        draw = np.random.default_rng(0)
        return np.concatenate([draw.uniform(-m, m, one.shape).ravel() for m, one in zip(most, variables, strict=True)])

    def assign(self, parameters: np.ndarray) -> None:
        """Set the variables from one vector."""
        first = 0
        for variable in self.problem.variables:
            count = int(np.prod(variable.shape))
            variable.assign(parameters[first : first + count].reshape(variable.shape).astype(np.float32))
            first += count

    def evaluate(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss and its gradient, both float64, at `parameters`, which the variables then hold."""
        self.assign(parameters)
        values, gradients = self.compiled(self.problem.inputs)
        self.values = values.numpy()
        flat: list[Tensor] = [gradient.numpy().ravel() for gradient in gradients]
        return float(self.values[0]), np.concatenate(flat).astype(np.float64)

    def accept(self) -> bool:
        """Report the values that were evaluated last; return whether to stop."""
        return self.report(self.values[None])

    def callback(self, intermediate_result: Any) -> None:
        """Report an iteration of SciPy; raises `StopIteration`, which ends the optimisation, if it is to stop."""
        # the line search may have tried other points after the one that it took
        if self.values[0] != np.float32(intermediate_result.fun):
            self.evaluate(intermediate_result.x)
        if self.accept():
            raise StopIteration

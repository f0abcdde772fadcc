"""The optimisation of one pair, level by level."""

from dataclasses import dataclass

import numpy as np

from pairreg.arrays import Field, FieldTensor
from pairreg.errors import DivergedError
from pairreg.optimization.compiled_grids import CompiledGrids
from pairreg.optimization.compiled_level import CompiledLevel
from pairreg.optimization.history import History
from pairreg.optimization.objective import Inputs, Objective, as_inputs
from pairreg.optimization.observer import Observer
from pairreg.optimization.resampled_pair import ResampledPair
from pairreg.optimizer.base import Optimizer
from pairreg.schedule.base import Schedule, level_factors
from pairreg.transform.base import LevelGrid, Precision, Transform, ratios
from pairreg.transform.separable import upsample


@dataclass(frozen=True)
class Solution:
    """The end of an optimisation.

    **Attributes:** `field` `(*spatial, ndim)` in voxels of the fixed grid; `inverse`, likewise, if the transform has
    one; `history`: the curves; `diverged`: the error that ended the run early, if any.
    """

    field: Field
    inverse: Field | None
    history: History
    diverged: DivergedError | None


def optimize(
    prepared: ResampledPair,
    transform: Transform,
    objective: Objective,
    optimizer: Optimizer,
    schedule: Schedule,
    precision: Precision,
    seed: int,
    observer: Observer,
    compiled: CompiledGrids,
) -> Solution:
    """Minimise the objective level by level, coarse to fine; `compiled` lends what earlier runs have compiled.

    A term that becomes NaN or infinite ends the optimisation: the solution then holds an earlier, finite field and the
    error.
    """
    history = History(objective.names)
    levels = list(schedule.levels(prepared.fixed.ndim))
    observer.begin(history.names, levels)
    problem: CompiledLevel | None = None
    diverged = None
    with compiled.lease() as lease:
        for number, level in enumerate(levels, start=1):
            grid = prepared.grid(level_factors(prepared.fixed.shape, prepared.spacing, level.scale))
            finer = lease.level(transform, grid, precision, prepared.spacing, objective)
            # The next level starts from the field of this one, so its inputs and parameters have to be there still.
            finer.start(level_inputs(prepared, grid, objective), problem, seed)
            problem = finer
            try:
                optimizer.minimize(problem, level.iterations, _Recorder(history, number, schedule, observer))
            except DivergedError as error:
                diverged = error
                break
        assert problem is not None
        # Within the lease: after it, another run may change the parameters that the fields are computed from.
        field = _on_fixed_grid(problem.field(), problem, prepared)
        inverse = _on_fixed_grid(problem.inverse_field(), problem, prepared)
    assert field is not None
    return Solution(field, inverse, history, diverged)


def level_inputs(prepared: ResampledPair, grid: LevelGrid, objective: Objective) -> Inputs:
    """Return the tensors that the objective depends on at one level: images, masks, spacing, weights and stiffness.

    Raises `InputError` if a term has a stiffness for labels that the pair lacks.
    """
    more = {
        "weights": np.asarray(objective.weights, np.float32),
        "stiffness": tuple(prepared.stiffness(grid, term.stiffness) for term in objective.penalties.values()),
    }
    return as_inputs(prepared.level(grid) | more)


def _on_fixed_grid(field: FieldTensor | None, problem: CompiledLevel, prepared: ResampledPair) -> Field | None:
    """Interpolate a field of the last level to the fixed grid, in voxels of that grid; None stays None."""
    if field is None:
        return None
    grid = problem.parametrization.grid
    finest = LevelGrid(prepared.fixed.shape, (1,) * grid.ndim)
    if grid != finest:
        scale = ratios(grid, finest)
        field = upsample(field, finest.shape, scale) * scale
    result: np.ndarray = field.numpy()
    return result


class _Recorder:
    """Passes rows on to the history and the observer, and decides when a level ends.

    The optimizer calls it as its `report`.
    """

    def __init__(self, history: History, level: int, schedule: Schedule, observer: Observer):
        self.history, self.level, self.schedule, self.observer = history, level, schedule, observer
        self.first = len(history)

    def __call__(self, values: np.ndarray) -> bool:
        rows = self.history.append(values, self.level)
        self.observer.rows(len(self.history) - len(rows), rows)
        self.history.check_finite()
        return self.schedule.converged(self.history["loss"][self.first :])

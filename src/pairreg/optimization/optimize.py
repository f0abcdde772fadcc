"""The optimisation of one pair, level by level."""

from typing import Any

import numpy as np

from pairreg.backend import Tensor
from pairreg.errors import DivergedError
from pairreg.optimization.history import History
from pairreg.optimization.objective import Objective, as_inputs
from pairreg.optimization.observer import Observer
from pairreg.optimization.prepared import Prepared
from pairreg.optimization.problem import Problem, compiled_problem
from pairreg.optimizer.base import Optimizer
from pairreg.schedule.base import Schedule, factors
from pairreg.separable import upsample
from pairreg.transform.base import LevelGrid, Transform, ratios


def optimize(
    prepared: Prepared,
    transform: Transform,
    objective: Objective,
    optimizer: Optimizer,
    schedule: Schedule,
    seed: int,
    observer: Observer,
) -> tuple[np.ndarray, History, DivergedError | None]:
    """The field `(*spatial, ndim)` in voxels of the fixed grid, the curves, and the error that ended the run, if any."""
    history = History(objective.names)
    levels = list(schedule.levels())
    observer.begin(history.names, levels)
    coarser: Problem | None = None
    diverged = None
    for number, level in enumerate(levels, start=1):
        grid = prepared.grid(factors(prepared.fixed.shape, prepared.spacing, level.scale))
        problem = compiled_problem(transform, grid, objective)
        start(problem, coarser, prepared, objective, seed)
        try:
            optimizer.minimize(problem, level.iterations, Recorder(history, number, schedule, observer))
        except DivergedError as error:
            diverged = error
        coarser = problem
        if diverged:
            break
    assert coarser is not None
    return full_field(coarser, prepared), history, diverged


def start(problem: Problem, coarser: Problem | None, prepared: Prepared, objective: Objective, seed: int) -> None:
    grid = problem.parametrization.grid
    weights = np.asarray(objective.weights, np.float32)
    field: Any = None if coarser is None else coarser.field()
    problem.inputs = as_inputs(prepared.level(grid) | {"weights": weights})
    if coarser is problem:  # two scales with the same grid, as on a thin slab: it just goes on
        return
    problem.parametrization.reset(seed)
    if coarser is not None:
        problem.parametrization.carry(coarser.parametrization, field)


def full_field(problem: Problem, prepared: Prepared) -> np.ndarray:
    """The field of the last level on the fixed grid."""
    grid = problem.parametrization.grid
    finest = LevelGrid(prepared.fixed.shape, (1,) * grid.ndim)
    field: Tensor = problem.field()
    if grid != finest:
        scale = ratios(grid, finest)
        field = upsample(field, finest.shape, scale) * scale
    result: np.ndarray = field.numpy()
    return result


class Recorder:
    """Passes rows on to the history and the observer, and decides when a level ends."""

    def __init__(self, history: History, level: int, schedule: Schedule, observer: Observer):
        self.history, self.level, self.schedule, self.observer = history, level, schedule, observer
        self.first = len(history)

    def __call__(self, values: np.ndarray) -> bool:
        rows = self.history.append(values, self.level)
        self.observer.rows(len(self.history) - len(rows), rows)
        self.history.check_finite()
        return self.schedule.converged(self.history["loss"][self.first :])

"""The optimisation of one pair, level by level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pairreg.arrays import Field, FieldTensor
from pairreg.errors import DivergedError, InputError
from pairreg.optimization.checkpoint import Checkpoints, Save, Saver
from pairreg.optimization.compiled_grids import CompiledGrids
from pairreg.optimization.compiled_level import CompiledLevel
from pairreg.optimization.evidence import ComparedMaps, Evidence
from pairreg.optimization.history import History
from pairreg.optimization.objective import Inputs, Objective, as_inputs
from pairreg.optimization.observer import Observer
from pairreg.optimization.resampled_pair import ResampledPair
from pairreg.optimization.symmetric import TERM
from pairreg.optimizer.base import Optimizer, Pause
from pairreg.schedule.base import Level, Schedule, level_factors
from pairreg.similarity.base import LABELS, DataTerm, Similarity
from pairreg.transform.base import LevelGrid, Precision, Transform, ratios
from pairreg.transform.separable import upsample


@dataclass(frozen=True)
class Solution:
    """The end of an optimisation.

    **Attributes:** `field` `(*spatial, ndim)` in voxels of the fixed grid; `inverse`, likewise, if the transform has
    one; `history`: the curves; `diverged`: the error that ended the run early, if any; `paused`: whether it has left
    levels for another time; `earlier_seconds`: what it took before it went on from a checkpoint.
    """

    field: Field
    inverse: Field | None
    history: History
    diverged: DivergedError | None
    paused: bool
    earlier_seconds: float


@dataclass(frozen=True)
class LevelParts:
    """The parts that one level uses: what is changed, what is lowered by that, and how."""

    transform: Transform
    objective: Objective
    optimizer: Optimizer

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each term of the loss, by its name in the history."""
        weights = dict(zip(self.objective.names, self.objective.weights, strict=True))
        consistency = self.transform.consistency_weight
        return weights if consistency is None else {**weights, TERM: consistency}


def optimize(
    prepared: ResampledPair,
    parts: Sequence[LevelParts],
    others: Sequence[Sequence[Evidence]],
    schedule: Schedule,
    precision: Precision,
    seed: int,
    observer: Observer,
    compiled: CompiledGrids,
    checkpoints: Checkpoints,
) -> Solution:
    """Minimise the objective level by level, coarse to fine.

    `parts` and `others` are those of each level of the schedule: what it uses, and the data of its terms that are not
    on the images. The names of the terms are the same at all levels. `compiled` lends what earlier runs have compiled.

    It goes on from the latest of `checkpoints`, leaves new ones there (one at the end of each level, and one every half
    minute within), and pauses if they say so.

    A term that becomes NaN or infinite ends the optimisation: the solution then holds an earlier, finite field and the
    error.
    """
    history = History(list(parts[0].weights), [use.weights for use in parts])
    levels = list(schedule.levels(prepared.fixed.ndim))
    observer.weigh(history.weights)
    observer.begin(history.names, levels)
    saved = checkpoints.load()
    if saved is not None:
        history.rows = saved.rows
        observer.rows(0, history.rows)
    saver = Saver(checkpoints, 0.0 if saved is None else saved.seconds)
    problem: CompiledLevel | None = None
    diverged = None
    with compiled.lease() as lease:
        for number, level in enumerate(levels[: checkpoints.pause_after], start=1):
            if saved is not None and number < saved.level:
                continue
            grid, use = level_grid(prepared, level), parts[number - 1]
            finer = lease.level(use.transform, grid, precision, prepared.spacing, use.objective)
            inputs = level_inputs(prepared, grid, use.objective, others[number - 1])
            here = saved if saved is not None and number == saved.level else None
            if here is None:
                # It starts from the field of the coarser level, whose inputs and parameters have to be there still.
                finer.start(inputs, problem, seed)
            else:
                finer.go_on(inputs, here.parameters)
            problem = finer
            if here is not None and here.paused is None:
                continue  # the level was over
            recorder = _Recorder(history, number, schedule, observer, partial(saver.save_if_due, number, problem))
            more = {} if here is None else {"paused": here.paused}  # an optimizer that does not pause need not take it
            try:
                use.optimizer.minimize(problem, level.iterations, recorder, **more)
            except DivergedError as error:
                diverged = error
                break
            saver.save(number, problem, history.rows)
        assert problem is not None
        # Within the lease: after it, another run may change the parameters that the fields are computed from.
        field = _on_fixed_grid(problem.field(), problem, prepared)
        inverse = _on_fixed_grid(problem.inverse_field(), problem, prepared)
    assert field is not None
    return Solution(field, inverse, history, diverged, number < len(levels), saver.earlier)


def level_grid(prepared: ResampledPair, level: Level) -> LevelGrid:
    """Return the grid of a level of the schedule."""
    return prepared.grid(level_factors(prepared.fixed.shape, prepared.spacing, level.scale))


def check_compared(prepared: ResampledPair, use: LevelParts, others: Sequence[Evidence], finest: Level) -> None:
    """Raise `InputError` for a similarity that would count no voxel on the finest level: it would be a constant.

    Likewise for one that is not meant for the intensities that it is given.
    """
    objective, grid = use.objective, level_grid(prepared, finest)
    check_ranges(objective.similarities, prepared.pair.intensity_range)
    # all terms on images have the same
    counted = dict.fromkeys(objective.on_images, prepared.counted(grid)) if objective.on_images else {}
    maps = {name: one for name, one in zip(objective.on_others, others, strict=True) if isinstance(one, ComparedMaps)}
    counted |= {name: one.counted(prepared, grid) for name, one in maps.items()}
    for name, forward in counted.items():
        directions = [(forward, "moving", "fixed")]
        if use.transform.consistency_weight is not None:
            directions.append((forward.reversed(), "fixed", "moving"))
        term = objective.similarities[name]
        assert isinstance(term, Similarity), "points have no mask"
        for one, within, met in directions:
            compared = one.compared()
            if not compared.any():
                raise InputError(
                    f"similarity.{name} compares no voxel of {prepared.pair.name!r} on the finest level of the "
                    f"schedule: what counts on the {within} side (field of view and mask) should be two voxels thick "
                    f"along each axis, and meet what counts on the {met} side after the initialisation."
                )
            if lacking := term.uncounted(compared):
                raise InputError(
                    f"similarity.{name} counts no voxel of {prepared.pair.name!r} on the finest level of the schedule: "
                    f"it counts voxels {lacking}; give larger masks or images, or another similarity."
                )


def check_ranges(similarities: Mapping[str, DataTerm], intensity_range: tuple[float, float]) -> None:
    """Raise `InputError` for a similarity on intensities that is not meant for preprocessed ones, in their range."""
    for name, term in similarities.items():
        if isinstance(term, Similarity) and term.on != LABELS and not term.mass_preserving:
            if problem := term.unfit_range(*intensity_range):
                raise InputError(f"similarity.{name}: {problem}")


def level_inputs(prepared: ResampledPair, grid: LevelGrid, objective: Objective, others: Sequence[Evidence]) -> Inputs:
    """Return the tensors that the objective depends on at one level: images, masks, spacing, weights and stiffness.

    Raises `InputError` if a term has a stiffness for labels that the pair lacks.
    """
    more = {
        "weights": np.asarray(objective.weights, np.float32),
        "others": tuple(one.level(prepared, grid) for one in others),
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
    """Passes rows on to the history and the observer, saves what is due, and decides when a level ends.

    The optimizer calls it as its `report`.
    """

    def __init__(self, history: History, level: int, schedule: Schedule, observer: Observer, save: Save):
        self.history, self.level, self.schedule, self.observer, self.save = history, level, schedule, observer, save
        self.first = int(np.sum(history["level"] < level))

    def __call__(self, rows: np.ndarray, pause: Pause | None = None) -> bool:
        new = self.history.append(rows, self.level)
        self.observer.rows(len(self.history) - len(new), new)
        self.history.check_finite()
        stop = self.schedule.converged(self.history["loss"][self.first :])
        # A run that went on from a state at which its level is over would take further steps.
        if pause is not None and not stop:
            self.save(pause, self.history.rows)
        return stop

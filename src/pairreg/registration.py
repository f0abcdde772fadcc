"""Registration of one pair: the method on one page, from the choice of parts to the result."""

import dataclasses
import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, option_files, whole_transform
from pairreg.backend import configure, is_configured, take_start_up
from pairreg.backend.gpu_memory import peak_gpu_memory_mb, reset_gpu_peak
from pairreg.backend.memory import peak_memory_mb, reset_peak
from pairreg.errors import DivergedError, InputError, MethodError, PausedRun
from pairreg.evaluate import evaluate
from pairreg.initialization.base import Initialization
from pairreg.method.base import ExternalMethod, Method
from pairreg.names import named_term
from pairreg.optimization.checkpoint import Checkpoints
from pairreg.optimization.compiled_grids import CompiledGrids, of_this_process
from pairreg.optimization.evidence import Used, check_evidence, evidence
from pairreg.optimization.history import History
from pairreg.optimization.objective import Objective
from pairreg.optimization.observer import Observer, Observers
from pairreg.optimization.optimize import LevelParts, check_compared, optimize
from pairreg.optimization.resampled_pair import resample_pair
from pairreg.optimization.symmetric import TERM
from pairreg.optimizer.base import Optimizer
from pairreg.pair.landmark_checks import check_landmarks
from pairreg.pair.pair import Pair
from pairreg.per_level import PerLevel, at_level, check_counts, parts_of
from pairreg.preprocessing.base import Preprocessing
from pairreg.regularizer.base import Regularizer
from pairreg.result import Result
from pairreg.schedule.base import Schedule
from pairreg.similarity.base import DataTerm
from pairreg.transform.base import Precision, Transform
from pairreg.validation import Seed, Threads, check_value, one_of, python_number

log = logging.getLogger("pairreg")
KINDS: dict[str, Any] = {
    "method": Method,
    "preprocessing": Preprocessing,
    "initialization": Initialization,
    "transform": Transform,
    "similarity": DataTerm,
    "regularizer": Regularizer,
    "optimizer": Optimizer,
    "schedule": Schedule,
}
PARTS = tuple(group for group in KINDS if group not in option_files.TERM_GROUPS)


def register(
    pair: Pair,
    *,
    preset: str | None = None,
    method: str | Method | None = None,
    preprocessing: str | Preprocessing | None = None,
    initialization: str | Initialization | None = None,
    transform: str | Transform | None = None,
    similarity: Any = None,
    regularizer: Any = None,
    optimizer: str | Optimizer | None = None,
    schedule: str | Schedule | None = None,
    precision: Precision | None = None,
    threads: int | None = None,
    seed: int | None = None,
    observers: Iterable[Observer] = (),
    compiled: CompiledGrids | None = None,
    checkpoints: Checkpoints | None = None,
) -> Result:
    """Register `pair.moving` to `pair.fixed` and return the result.

    **Arguments:** every part is the name of an option (`"ncc"`) or an object (`build("similarity/ncc", window=7)`);
    `similarity` and `regularizer` also take lists of them, or a mapping from names to them. A part that is None is
    taken from `preset` (such as `"fast"`), or, without a preset, from `conf/config.yaml`, as the command `pairreg`
    does.

    - `method`: how the transform is found; a method of others uses few of the other parts, see its `uses`.
    - `precision`: the number format in which networks compute (`"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`);
      everything else is float32.
    - `threads`: into which TensorFlow divides its work, on however many cores, at least 1; one number per process.
    - `seed`: of the initial weights of a network, at least 0.
    - `observers`: objects that are told of every chunk of iterations.
    - `compiled`: the owner of what is compiled, which later runs reuse; None: one that all runs of this process share.
    - `checkpoints`: where to leave states to go on from, and where a state of an earlier call with the same arguments
      is; None: nowhere.

    Raises `InputError` for parts and images that cannot be used, `MethodError` if a method of others finds no
    transform, `DivergedError` (with the result so far) if a term becomes NaN or infinite, and, for `checkpoints` that
    pause, `PausedRun` (with the metrics so far).
    """
    given = {
        "method": method,
        "preprocessing": preprocessing,
        "initialization": initialization,
        "transform": transform,
        "similarity": similarity,
        "regularizer": regularizer,
        "optimizer": optimizer,
        "schedule": schedule,
        "precision": precision,
        "threads": threads,
        "seed": seed,
    }
    usual = option_files.defaults() if preset is None else of_preset(preset)
    use = usual | {key: python_number(value) for key, value in given.items() if value is not None}
    # Everything that can be refused without work is refused before TensorFlow is imported, which takes seconds.
    check_value(Precision, use["precision"], "precision")
    check_value(Threads, use["threads"], "threads")
    check_value(Seed, use["seed"], "seed")
    check_landmarks(pair)
    how = part("method", use["method"])
    if isinstance(how, ExternalMethod):
        _check_parts(given)
        return _of_others(pair, how, use)
    owner = of_this_process if compiled is None else compiled  # an empty one is false
    return _optimized(pair, use, Observers(observers), owner, Checkpoints() if checkpoints is None else checkpoints)


def _optimized(
    pair: Pair, use: Mapping[str, Any], observer: Observer, compiled: CompiledGrids, checkpoints: Checkpoints
) -> Result:
    """Optimise by the parts in `use`, and evaluate what was found."""
    schedule = part("schedule", use["schedule"])
    of_levels = _level_parts(use, len(schedule.levels(pair.ndim)))
    objectives = [one.objective for one in of_levels]
    used = check_evidence(pair, objectives)
    # The import comes before the clock and the memory are read, so that the first run of a process is not charged.
    configure(use["threads"])
    reset_peak()
    reset_gpu_peak()
    began = time.perf_counter()
    # The initialisation compares intensities, so it sees the preprocessed images; their resampling needs its result.
    preprocessing = part("preprocessing", use["preprocessing"])
    preprocessed, initial = _begin(part("initialization", use["initialization"]), pair, preprocessing(pair))
    prepared = resample_pair(preprocessed, initial)
    prepared.check_overlap()
    others = evidence(prepared, objectives, partial(preprocessing.compared, preprocessed))
    check_compared(prepared, of_levels[-1], others[-1], schedule.levels(pair.ndim)[-1])
    try:
        outcome = optimize(
            prepared,
            of_levels,
            others,
            schedule,
            use["precision"],
            use["seed"],
            observer,
            compiled,
            checkpoints,
        )
    finally:
        observer.end()  # a progress bar has to leave the terminal also if the optimisation is interrupted
    # The cost is that of the method: evaluation, figures and files come after it.
    cost = {
        "seconds": outcome.earlier_seconds + time.perf_counter() - began,
        "startup_seconds": take_start_up(),
        "iterations": float(len(outcome.history)),
        "peak_memory_mb": peak_memory_mb(),
    }
    if (on_gpu := peak_gpu_memory_mb()) is not None:
        cost["peak_gpu_memory_mb"] = on_gpu
    if initial.IsLinear():
        result = Result(pair, prepared, outcome.field, outcome.inverse, outcome.history)
    else:
        # Where the start is dense, the field is that of both together, and an inverse of the second alone is none.
        if outcome.inverse is not None:
            log.warning(
                f"No inverse of the transform of {pair.name} is kept: it began at displacements whose inverse is not "
                "known; initialization=affine has one."
            )
        after = whole_transform.deformation(outcome.field, preprocessed.fixed)
        whole = sitk.CompositeTransform([*whole_transform.parts(initial), after])
        result = _with_exact(pair, preprocessed, whole, outcome.history)
    result = _evaluated(result, initial, cost, used)
    if outcome.paused and not outcome.diverged:
        raise PausedRun(result.metrics)
    if outcome.diverged:  # raised last, so that the error carries the metrics of what was reached
        raise DivergedError(str(outcome.diverged), result) from outcome.diverged
    return result


def _level_parts(use: Mapping[str, Any], levels: int) -> list[LevelParts]:
    """Return the parts of each level; raises `InputError` for lists of settings of another length."""
    transform, optimizer = part("transform", use["transform"]), part("optimizer", use["optimizer"])
    similarities, regularizers = terms("similarity", use["similarity"]), terms("regularizer", use["regularizer"])
    if not similarities:
        raise InputError("similarity is empty: name at least one, such as similarity=ncc.")
    check_counts([transform, optimizer, *similarities.values(), *regularizers.values()], {levels})
    check_names(transform, regularizers)

    def objective(index: int) -> Objective:
        groups = (similarities, regularizers)
        return Objective(*({name: at_level(term, index) for name, term in group.items()} for group in groups))

    return [
        LevelParts(at_level(transform, index), objective(index), at_level(optimizer, index)) for index in range(levels)
    ]


def _of_others(pair: Pair, method: ExternalMethod, use: Mapping[str, Any]) -> Result:
    """Have a method of others find the transform, and evaluate it as ours."""
    method.check_available()
    reset_peak()
    imported = is_configured()
    asked = time.perf_counter()
    preprocessed = part("preprocessing", use["preprocessing"])(pair)
    initial = geometry.identity(pair.ndim)
    if "initialization" in method.uses:
        preprocessed, initial = _begin(part("initialization", use["initialization"]), pair, preprocessed)
    # A dense start may have imported TensorFlow, which is start-up as in a run of ours.
    before, start_up = time.perf_counter() - asked, 0.0 if imported else take_start_up()
    found = method.register(pair, preprocessed, initial, use["threads"], use["seed"])
    cost = {}
    if found.seconds is not None:
        cost = {
            "seconds": found.seconds + before - start_up,  # as ours, with what comes before images are compared
            "startup_seconds": found.startup_seconds + start_up,
            "peak_memory_mb": peak_memory_mb() if found.peak_memory_mb is None else found.peak_memory_mb,
        }
    result = _with_exact(pair, preprocessed, found.transform, History([]))
    # A method that begins by itself is shown after its linear part, which it does not tell apart.
    began = initial if "initialization" in method.uses else result.prepared.initial
    return _evaluated(dataclasses.replace(result, programs=found.programs), began, cost)


def _begin(initialization: Initialization, pair: Pair, preprocessed: Pair) -> tuple[Pair, sitk.Transform]:
    """Return the preprocessed pair, to whose moving image is noted what is doubtful about the start, and the start."""
    start = initialization.start(preprocessed, pair)
    for sentence in start.warnings:
        log.warning(sentence)
    inputs = dict(preprocessed.inputs)
    if "moving" in inputs:
        moving = inputs["moving"]
        inputs["moving"] = dataclasses.replace(moving, warnings=(*moving.warnings, *start.warnings))
    return dataclasses.replace(preprocessed, inputs=inputs), start.transform


def _with_exact(pair: Pair, preprocessed: Pair, transform: sitk.Transform, history: History) -> Result:
    """Return a result whose transform is more than our field after a linear one."""
    linear = whole_transform.linear_part(transform)
    field = whole_transform.field_of(transform, linear, preprocessed.fixed)
    if not np.isfinite(field).all():
        share = 100 * np.mean(~np.isfinite(field).all(-1))
        raise MethodError(f"The transform that was found is NaN or infinite at {share:.3g} % of the voxels.")
    return Result(pair, resample_pair(preprocessed, linear), field, None, history, exact=transform)


def _evaluated(result: Result, initial: sitk.Transform, cost: Mapping[str, float], used: Used | None = None) -> Result:
    """Return the result with its metrics and what it took; `initial`: what the registration began with.

    `used`: labels and landmarks that the objective was given, which are told from the others in the metrics.
    """
    given = Used() if used is None else used
    pair = result.prepared.pair
    measured = evaluate(pair, initial, result.transform, result.field, result.inverse, given.labels, given.landmarks)
    return dataclasses.replace(result, metrics={**measured, **cost})


def of_preset(name: str) -> dict[str, Any]:
    """Return the parts by group, and the other settings of the method that a preset stands for.

    Raises `InputError`, which lists the presets, if there is none of that name.
    """
    from pairreg.composition import composed  # Hydra takes a third of a second to import

    one_of("preset", name, option_files.variants("preset"))
    config = composed([f"preset={name}"])
    found: dict[str, Any] = {key: config[key] for key in option_files.NUMERICS}
    for group in PARTS:
        found[group] = option_files.instantiate(config[group], group)
    for group in option_files.TERM_GROUPS:
        nodes = config[group].items()
        found[group] = {term: option_files.instantiate(node, f"{group}.{term}") for term, node in nodes}
    return found


def part(group: str, choice: Any) -> Any:
    """Return the object that `choice` names, or `choice` itself if it is an object.

    Raises `InputError` for an object that does not belong to the group.
    """
    built = option_files.build(f"{group}/{choice}") if isinstance(choice, str) else choice
    check_kind(group, built)
    return built


def _check_parts(given: Mapping[str, Any]) -> None:
    """Raise `InputError` for parts that are none of their group, whether or not the method uses them."""
    for group, choice in given.items():
        if choice is not None and group in option_files.TERM_GROUPS:
            terms(group, choice)
        elif choice is not None and group in KINDS:
            part(group, choice)


def check_names(transform: Transform | PerLevel[Transform], regularizers: Collection[str]) -> None:
    """Raise `InputError` for a regulariser with the name of the term that a transform of both directions adds."""
    taken = TERM.removeprefix("regularizer/")
    if parts_of(transform)[0].consistency_weight is not None and taken in regularizers:
        raise InputError(
            f"regularizer.{taken} has the name of the term that transform.symmetric=true adds; choose another name."
        )


def check_kind(where: str, built: Any) -> None:
    """Raise `InputError` unless `built` has the base class of its group; `where` begins with the name of the group."""
    kind = KINDS[where.partition(".")[0]]
    for one in parts_of(built):
        if not isinstance(one, kind):
            raise InputError(f"{where} should be a {kind.__module__}.{kind.__name__}; it is {type(one).__name__!r}.")


def terms(group: str, choice: Any) -> dict[str, Any]:
    """Return the terms of the objective by name; objects in a list are named after the module that defines their class.

    An option in a list may have a name of its own, `"pet:ncc"`; a variant, such as `"fast"`, stands for all its terms.
    Raises `InputError` if two have the same name.
    """
    if isinstance(choice, Mapping):
        for name, term in choice.items():
            if not isinstance(term, str):
                check_kind(f"{group}.{name}", term)
        return {name: part(group, term) for name, term in choice.items()}
    listed = choice if isinstance(choice, Sequence) and not isinstance(choice, str) else [choice]
    named: dict[str, DataTerm | Regularizer] = {}
    for item in listed:
        for name, term in _named(group, item).items():
            if name in named:
                raise InputError(f"{group} {name!r} is listed twice: give a mapping from names to objects instead.")
            check_kind(group, term)
            named[name] = term
    return named


def _named(group: str, item: Any) -> Mapping[str, Any]:
    """Return the terms that an item of a list stands for, by name: a variant may have several."""
    if not isinstance(item, str):
        return {type(parts_of(item)[0]).__module__.rpartition(".")[2]: item}
    name, option = named_term(item)
    built = option_files.build(f"{group}/{option}")
    if not isinstance(built, Mapping):
        return {name: built}
    if name != option:
        raise InputError(f"{group} {item!r} should give its own name to one option; {option} is a variant.")
    return built

"""Registration of one pair: the method on one page, from the choice of parts to the result."""

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pairreg import option_files
from pairreg.backend import configure
from pairreg.backend.memory import peak_memory_mb, reset_peak
from pairreg.errors import DivergedError, InputError, PausedRun
from pairreg.evaluate import evaluate
from pairreg.initialization.base import Initialization
from pairreg.optimization.checkpoint import Checkpoints
from pairreg.optimization.compiled_grids import CompiledGrids, of_this_process
from pairreg.optimization.objective import Objective
from pairreg.optimization.observer import Observer, Observers
from pairreg.optimization.optimize import optimize
from pairreg.optimization.resampled_pair import resample_pair
from pairreg.optimizer.base import Optimizer
from pairreg.pair.landmark_checks import check_landmarks
from pairreg.pair.pair import Pair
from pairreg.preprocessing.base import Preprocessing
from pairreg.regularizer.base import Regularizer
from pairreg.result import Result
from pairreg.schedule.base import Schedule
from pairreg.similarity.base import Similarity
from pairreg.transform.base import Precision, Transform
from pairreg.validation import Seed, Threads, check_value, one_of

KINDS: dict[str, Any] = {
    "preprocessing": Preprocessing,
    "initialization": Initialization,
    "transform": Transform,
    "similarity": Similarity,
    "regularizer": Regularizer,
    "optimizer": Optimizer,
    "schedule": Schedule,
}
PARTS = tuple(group for group in KINDS if group not in option_files.TERM_GROUPS)


def register(
    pair: Pair,
    *,
    preset: str | None = None,
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
    `similarity` and `regularizer` also take lists of them, or a mapping from names to objects. A part that is None is
    taken from `preset` (such as `"fast"`), or, without a preset, from `conf/config.yaml`, as the command `pairreg`
    does.

    - `precision`: the number format in which networks compute; everything else is float32.
    - `threads`: into which TensorFlow divides its work, on however many cores; one number per process.
    - `seed`: of the initial weights of a network.
    - `observers`: objects that are told of every chunk of iterations.
    - `compiled`: the owner of what is compiled, which later runs reuse; None: one that all runs of this process share.
    - `checkpoints`: where to leave states to go on from, and where a state of an earlier call with the same arguments
      is; None: nowhere.

    Raises `InputError` for parts and images that cannot be used, `DivergedError` (with the result so far) if a term
    becomes NaN or infinite, `PausedRun` (with the metrics so far) where `checkpoints` say that it pauses.
    """
    given = {
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
    use = usual | {key: value for key, value in given.items() if value is not None}
    # Everything that can be refused without work is refused before TensorFlow is imported, which takes seconds.
    check_value(Precision, use["precision"], "precision")
    check_value(Threads, use["threads"], "threads")
    check_value(Seed, use["seed"], "seed")
    objective = Objective(terms("similarity", use["similarity"]), terms("regularizer", use["regularizer"]))
    if not objective.similarities:
        raise InputError("similarity is empty: name at least one, such as similarity=ncc.")
    check_landmarks(pair)
    # The import comes before the clock and the memory are read, so that the first run of a process is not charged.
    configure(use["threads"])
    reset_peak()
    began = time.perf_counter()
    # The initialisation compares intensities, so it sees the preprocessed images; their resampling needs its result.
    preprocessed = part("preprocessing", use["preprocessing"])(pair)
    initial = part("initialization", use["initialization"])(preprocessed)
    prepared = resample_pair(preprocessed, initial)
    observer = Observers(observers)
    try:
        outcome = optimize(
            prepared,
            part("transform", use["transform"]),
            objective,
            part("optimizer", use["optimizer"]),
            part("schedule", use["schedule"]),
            use["precision"],
            use["seed"],
            observer,
            of_this_process if compiled is None else compiled,
            Checkpoints() if checkpoints is None else checkpoints,
        )
    finally:
        observer.end()  # a progress bar has to leave the terminal also if the optimisation is interrupted
    # The cost is that of the method: evaluation, figures and files come after it.
    cost = {
        "seconds": outcome.earlier_seconds + time.perf_counter() - began,
        "iterations": float(len(outcome.history)),
        "peak_memory_mb": peak_memory_mb(),
    }
    result = Result(pair, prepared, outcome.field, outcome.inverse, outcome.history)
    measured = evaluate(prepared.pair, initial, result.transform, result.field, result.inverse)
    result = dataclasses.replace(result, metrics=measured | cost)
    if outcome.paused and not outcome.diverged:
        raise PausedRun(measured | cost)
    if outcome.diverged:  # raised last, so that the error carries the metrics of what was reached
        raise DivergedError(str(outcome.diverged), result) from outcome.diverged
    return result


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


def check_kind(where: str, built: Any) -> None:
    """Raise `InputError` unless `built` has the base class of its group; `where` begins with the name of the group."""
    kind = KINDS[where.partition(".")[0]]
    if not isinstance(built, kind):
        raise InputError(f"{where} should be a {kind.__module__}.{kind.__name__}; it is {type(built).__name__!r}.")


def terms(group: str, choice: Any) -> dict[str, Any]:
    """Return the terms of the objective by name; objects in a list are named after the module that defines their class.

    Raises `InputError` if two of them have the same name.
    """
    if isinstance(choice, Mapping):
        for name, term in choice.items():
            check_kind(f"{group}.{name}", term)
        return dict(choice)
    listed = choice if isinstance(choice, Sequence) and not isinstance(choice, str) else [choice]
    named: dict[str, Similarity | Regularizer] = {}
    for item in listed:
        name = item if isinstance(item, str) else type(item).__module__.rpartition(".")[2]
        if name in named:
            raise InputError(f"{group} {name!r} is listed twice: give a mapping from names to objects instead.")
        named[name] = part(group, item)
    return named

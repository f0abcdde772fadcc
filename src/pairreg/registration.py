"""`register`: one pair, one choice of parts, one result."""

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pairreg import option_files
from pairreg.backend import configure
from pairreg.backend.memory import peak_memory_mb, reset_peak
from pairreg.errors import DivergedError, InputError
from pairreg.evaluate import evaluate
from pairreg.initialization.base import Initialization
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
from pairreg.validation import check_value, one_of

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
    seed: int | None = None,
    observers: Iterable[Observer] = (),
    compiled: CompiledGrids | None = None,
) -> Result:
    """Register `pair.moving` to `pair.fixed`.

    **Arguments:** every part is the name of an option (`"ncc"`) or an object (`build("similarity/ncc", window=7)`);
    `similarity` and `regularizer` also take lists of them, or a mapping from names to objects. What is None is as the
    command `pairreg` has it: the choice of `preset` (such as `"fast"`), if there is one, or that of `conf/config.yaml`.

    - `precision`: in which networks compute; everything else is float32.
    - `seed`: fixes the start of a network's weights.
    - `observers`: are told of every chunk of iterations.
    - `compiled`: keeps what is compiled for later runs; None: the one that all runs of this process share.

    Raises `InputError` for parts and images that cannot be used, `DivergedError` (with the result so far) if a term
    becomes NaN or infinite.
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
        "seed": seed,
    }
    usual = option_files.defaults() if preset is None else of_preset(preset)
    use = usual | {key: value for key, value in given.items() if value is not None}
    check_value(Precision, use["precision"], "precision")
    check_value(int, use["seed"], "seed")
    objective = Objective(terms("similarity", use["similarity"]), terms("regularizer", use["regularizer"]))
    if not objective.similarities:
        raise InputError("similarity is empty: name at least one, such as similarity=ncc.")
    check_landmarks(pair)
    configure()  # the first run of a process is not charged with the import of TensorFlow
    reset_peak()
    began = time.perf_counter()
    ready = part("preprocessing", use["preprocessing"])(pair)
    initial = part("initialization", use["initialization"])(ready)
    prepared = resample_pair(ready, initial)
    watching = Observers(observers)
    try:
        outcome = optimize(
            prepared,
            part("transform", use["transform"]),
            objective,
            part("optimizer", use["optimizer"]),
            part("schedule", use["schedule"]),
            use["precision"],
            use["seed"],
            watching,
            of_this_process if compiled is None else compiled,
        )
    finally:
        watching.end()
    cost = {
        "seconds": time.perf_counter() - began,
        "iterations": float(len(outcome.history)),
        "peak_memory_mb": peak_memory_mb(),
    }
    result = Result(pair, prepared, outcome.field, outcome.inverse, outcome.history)
    measured = evaluate(prepared.pair, initial, result.transform, result.field, result.inverse)
    result = dataclasses.replace(result, metrics=measured | cost)
    if outcome.diverged:
        raise DivergedError(str(outcome.diverged), result) from outcome.diverged
    return result


def of_preset(name: str) -> dict[str, Any]:
    """The parts, precision and seed that a preset stands for; raises `InputError` if there is none of that name."""
    from pairreg.composition import composed  # Hydra takes a third of a second to import

    one_of("preset", name, option_files.variants("preset"))
    config = composed([f"preset={name}"])
    found: dict[str, Any] = {"precision": config["precision"], "seed": config["seed"]}
    for group in PARTS:
        found[group] = option_files.instantiate(config[group], group)
    for group in option_files.TERM_GROUPS:
        nodes = config[group].items()
        found[group] = {term: option_files.instantiate(node, f"{group}.{term}") for term, node in nodes}
    return found


def part(group: str, choice: Any) -> Any:
    """The object that `choice` names or is; raises `InputError` for an object that is nothing of that group."""
    built = option_files.build(f"{group}/{choice}") if isinstance(choice, str) else choice
    check_kind(group, built)
    return built


def check_kind(where: str, built: Any) -> None:
    """Raise `InputError` unless `built` is what the group that `where` begins with needs."""
    kind = KINDS[where.partition(".")[0]]
    if not isinstance(built, kind):
        raise InputError(f"{where} should be a {kind.__module__}.{kind.__name__}; it is {type(built).__name__!r}.")


def terms(group: str, choice: Any) -> dict[str, Any]:
    """Terms of the objective by name; objects in a list are named by the module that defines them."""
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

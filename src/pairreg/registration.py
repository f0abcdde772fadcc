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
from pairreg.pair.pair import Pair
from pairreg.preprocessing.base import Preprocessing
from pairreg.regularizer.base import Regularizer
from pairreg.result import Result
from pairreg.schedule.base import Schedule
from pairreg.similarity.base import Similarity
from pairreg.transform.base import Precision, Transform


def register(
    pair: Pair,
    *,
    preprocessing: str | Preprocessing = "percentile",
    initialization: str | Initialization = "affine",
    transform: str | Transform = "unet",
    similarity: Any = ("pcc", "ssim"),
    regularizer: Any = "diffusion",
    optimizer: str | Optimizer = "adam",
    schedule: str | Schedule = "coarse_to_fine",
    precision: Precision = "float32",
    seed: int = 0,
    observers: Iterable[Observer] = (),
    compiled: CompiledGrids | None = None,
) -> Result:
    """Register `pair.moving` to `pair.fixed`.

    **Arguments:** every part is the name of an option (`"ncc"`) or an object (`build("similarity/ncc", window=7)`);
    `similarity` and `regularizer` also take lists of them, or a mapping from names to objects. `precision`: in which
    networks compute, everything else is float32. `seed` fixes the start of a network's weights. `observers` are told
    of every chunk of iterations. `compiled` keeps what is compiled for later runs; None: one that all runs of this
    process share.

    Raises `InputError` for parts and images that cannot be used, `DivergedError` (with the result so far) if a term
    becomes NaN or infinite.
    """
    objective = Objective(terms("similarity", similarity), terms("regularizer", regularizer))
    if not objective.similarities:
        raise InputError("similarity is empty: name at least one, such as similarity=ncc.")
    configure()  # the first run of a process is not charged with the import of TensorFlow
    reset_peak()
    began = time.perf_counter()
    ready = part("preprocessing", preprocessing)(pair)
    initial = part("initialization", initialization)(ready)
    prepared = resample_pair(ready, initial)
    watching = Observers(observers)
    try:
        outcome = optimize(
            prepared,
            part("transform", transform),
            objective,
            part("optimizer", optimizer),
            part("schedule", schedule),
            precision,
            seed,
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


def part(group: str, choice: Any) -> Any:
    """The object that `choice` names or is."""
    return option_files.build(f"{group}/{choice}") if isinstance(choice, str) else choice


def terms(group: str, choice: Any) -> dict[str, Any]:
    """Terms of the objective by name; objects in a list are named by the module that defines them."""
    if isinstance(choice, Mapping):
        return dict(choice)
    listed = choice if isinstance(choice, Sequence) and not isinstance(choice, str) else [choice]
    named: dict[str, Similarity | Regularizer] = {}
    for item in listed:
        name = item if isinstance(item, str) else type(item).__module__.rpartition(".")[2]
        if name in named:
            raise InputError(f"{group} {name!r} is listed twice: give a mapping from names to objects instead.")
        named[name] = part(group, item)
    return named

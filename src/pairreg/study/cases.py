"""A pattern of cases is one run for each case."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec


def expand(task: RunSpec) -> list[RunSpec]:
    """A task for every case of the HDF5 file that matches `pair.case`; other tasks as they are.

    Raises `InputError` if the file cannot be read or no case matches.
    """
    pair = task.config["pair"]
    if not {"file", "case"} <= pair.keys() or not set("*?[") & set(str(pair["case"])):
        return [task]
    from pairreg.pair.hdf5 import cases

    return [
        replace(
            task,
            config={**task.config, "pair": {**pair, "case": case}},
            choices={**task.choices, "pair": case},
            overrides=(*task.overrides, f"pair.case={case}"),
            alone=False,
        )
        for case in cases(pair["file"], pair["case"])
    ]


def combined(outcomes: Sequence[RunOutcome]) -> RunOutcome:
    """What the runs of several cases say about one job: the mean of every metric that all have, or the first error."""
    if len(outcomes) == 1:
        return outcomes[0]
    shared = set.intersection(*(set(outcome.metrics) for outcome in outcomes))
    return RunOutcome(
        " ".join(outcome.signature for outcome in outcomes),
        outcomes[0].folder.parent,
        {name: fmean(outcome.metrics[name] for outcome in outcomes) for name in sorted(shared)},
        next((outcome.error for outcome in outcomes if outcome.error), None),
    )

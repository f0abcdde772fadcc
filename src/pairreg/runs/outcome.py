"""The outcome of a run that was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Literal

from pairreg.runs.read import read_metrics
from pairreg.runs.spec import RunSpec

End = Literal["done", "kept", "failed", "refused", "busy", "paused"]
# A run is computed in the process of the command, in another one beside it, or on machines that share its disk only.
Where = Literal["here", "this machine", "elsewhere"]


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of one run.

    **Attributes:** `state`: `done` now, `kept` from before, `failed`, `refused` for bad input, `busy`: another process
    is at it, or `paused` between two levels; `metrics`: by name, of a complete run, or so far of a paused one; `error`:
    a sentence, of a failed or refused one.
    """

    signature: str
    folder: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    state: End = "done"

    @property
    def signatures(self) -> list[str]:
        """The signature of every run that it stands for: one, or those that were `combined`."""
        return self.signature.split()

    @classmethod
    def of(cls, spec: RunSpec, state: End, error: str | None = None) -> "RunOutcome":
        """Return the outcome of `spec`; its metrics are those in the run folder, if it is complete."""
        metrics = read_metrics(spec.folder) if state in ("done", "kept") else {}
        return cls(spec.signature, spec.folder, metrics, error, state)

    @classmethod
    def failed(cls, spec: RunSpec, error: str) -> "RunOutcome":
        """Return the outcome of a run that ended by an error, which `error` says in a sentence."""
        return cls.of(spec, "failed", error)


def combined(outcomes: Sequence[RunOutcome]) -> RunOutcome:
    """Combine the runs of all cases of one sweep point into one outcome.

    It has the mean of every metric that all of them have, or the first error.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    shared = set.intersection(*(set(outcome.metrics) for outcome in outcomes))
    return RunOutcome(
        " ".join(outcome.signature for outcome in outcomes),
        outcomes[0].folder.parent,
        {name: fmean(outcome.metrics[name] for outcome in outcomes) for name in sorted(shared)},
        next((outcome.error for outcome in outcomes if outcome.error), None),
    )

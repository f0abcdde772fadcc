"""The expected time of a run, from those that are complete."""

import statistics
from collections.abc import Sequence

from pairreg.runs.read import Run
from pairreg.runs.spec import RunSpec


def estimate(spec: RunSpec, complete: Sequence[RunSpec]) -> float | None:
    """Return the seconds of a run: the median of the complete ones that are most alike; None if there are none.

    Two runs are the more alike the more choices they share.
    """
    likeness = [sum(spec.choices[k] == other.choices.get(k) for k in spec.choices) for other in complete]
    alike = [other for other, n in zip(complete, likeness, strict=True) if n == max(likeness)]
    return statistics.median(Run(other.folder).metrics["seconds"] for other in alike) if alike else None

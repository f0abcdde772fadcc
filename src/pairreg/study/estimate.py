"""The expected time of a run, from those that are complete."""

import statistics
from collections.abc import Sequence

from pairreg.runs.spec import RunSpec


def estimate(spec: RunSpec, complete: Sequence[tuple[RunSpec, float]]) -> float | None:
    """Return the seconds of a run: the median of the complete ones that are most alike; None if there are none.

    Two runs are the more alike the more choices they share. `complete`: with the seconds that each has taken.
    """
    likeness = [sum(spec.choices[k] == other.choices.get(k) for k in spec.choices) for other, _ in complete]
    most = max(likeness, default=0)
    alike = [seconds for (_, seconds), shared in zip(complete, likeness, strict=True) if shared == most]
    return statistics.median(alike) if alike else None

"""Which of several compromises are worth a look."""

from collections.abc import Sequence

import numpy as np


def pareto(points: Sequence[Sequence[float]], directions: Sequence[str]) -> list[int]:
    """Indices of the points than which no other is better in one value and at least as good in the others.

    `directions` has `"minimize"` or `"maximize"` for each value of a point. Equal points are kept, points with a NaN
    are not. Optuna computes the same for the trials of one of its studies only.
    """
    signs = np.array([1.0 if direction == "minimize" else -1.0 for direction in directions])
    losses = np.asarray(points, float).reshape(-1, len(signs)) * signs
    beaten = [bool((np.all(losses <= one, 1) & np.any(losses < one, 1)).any()) for one in losses]
    return [i for i, one in enumerate(losses) if not beaten[i] and not np.isnan(one).any()]

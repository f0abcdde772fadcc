"""The search for the factor at which a measured value reaches a goal: bisection on logarithmic scales."""

import math

STEP = 4.0  # from one factor to the next, until the goal lies between two
_EDGE = 0.1  # of the bracket, which an interpolated factor keeps away from its ends
_MOST = 14  # measurements
_FARTHEST = 1e5  # factor, and its inverse: what has not reached the goal by then will not


class Bisection:
    """Finds a factor at which a falling function is within `tolerance` (relative) of `goal`, which is positive.

    The first factor is 1. Until the goal lies between two measurements, factors are `STEP` apart; then the next one is
    where a straight line between the ends of the bracket, in the logarithms of both, reaches the goal, but no closer to
    an end than a tenth of the bracket, so that the bracket shrinks whatever the function looks like. Ask for `factor`,
    measure, and `tell`, until `factor` is None; then `found` says whether `best`, the closest one, is close enough.
    """

    def __init__(self, goal: float, tolerance: float):
        self.goal, self.tolerance = goal, tolerance
        self.told: list[tuple[float, float]] = []  # factors and values, in the order of the measurements

    @property
    def best(self) -> tuple[float, float]:
        """The factor and value that are closest to the goal by ratio."""
        return min(self.told, key=lambda one: abs(self._distance(one[1])))

    @property
    def found(self) -> bool:
        """Whether a value is within the tolerance."""
        return any(abs(value / self.goal - 1) <= self.tolerance for _, value in self.told)

    @property
    def factor(self) -> float | None:
        """The next factor to measure; None at the end, with or without success."""
        if self.found or len(self.told) == _MOST:
            return None
        above = [factor for factor, value in self.told if value > self.goal]  # too little of it
        below = [factor for factor, value in self.told if value <= self.goal]
        if not self.told:
            return 1.0
        if not above or not below:
            factor = max(above) * STEP if above else min(below) / STEP
            return _rounded(factor) if 1 / _FARTHEST < factor < _FARTHEST else None
        low = max(above)
        high = min((factor for factor in below if factor > low), default=None)
        if high is None:  # it does not fall there: what is nearest to the goal may be all that can be had
            return None
        start, end = (self._distance(dict(self.told)[factor]) for factor in (low, high))
        part = min(max(start / (start - end), _EDGE), 1 - _EDGE) if math.isfinite(start - end) else 0.5
        factor = _rounded(low * (high / low) ** part)
        return None if factor in dict(self.told) else factor

    def tell(self, value: float) -> None:
        """Say what was measured at `factor`."""
        factor = self.factor
        assert factor is not None, "asked for"
        self.told.append((factor, value))

    def _distance(self, value: float) -> float:
        """Return the logarithm of a value as a multiple of the goal; minus infinity for 0."""
        return math.log(value / self.goal) if value > 0 else -math.inf


def _rounded(factor: float) -> float:
    """Return a factor with four digits, as it stands in commands and tables."""
    return float(f"{factor:.4g}")

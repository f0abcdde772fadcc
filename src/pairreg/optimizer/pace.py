"""How many iterations to do in one go."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS = 1.0  # for one go: signals, curves and checkpoints wait for its end


class Pace:
    """Sizes goes by the time that the last one took per iteration. The first one is a single iteration."""

    def __init__(self) -> None:
        self._per_iteration = _SECONDS

    def iterations(self, most: int) -> int:
        """Return how many iterations take about a second, from 1 to `most`."""
        return max(1, min(most, int(_SECONDS / self._per_iteration)))

    @contextmanager
    def timed(self, iterations: int) -> Iterator[None]:
        """Do `iterations` in the block."""
        began = time.perf_counter()
        yield
        self._per_iteration = max(time.perf_counter() - began, 1e-9) / iterations

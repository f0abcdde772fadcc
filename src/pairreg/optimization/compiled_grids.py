"""The owner of what was compiled for earlier runs of this process."""

import gc
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

from pairreg.backend import forget_compiled
from pairreg.backend.memory import resident_mb
from pairreg.optimization.cache_key import cache_key
from pairreg.optimization.compiled_level import CompiledGrid, CompiledLevel
from pairreg.optimization.objective import Objective
from pairreg.transform.base import LevelGrid, Precision, Transform

_CAPACITY = 64  # grids: the levels of 16 sizes of image
_GROWTH_MB = 1000.0  # what twenty to fifty compiled grids take


class CompiledGrids:
    """Lends compiled grids to runs, each to one run at a time, and forgets those that were not used for longest.

    A run inside another one (started by an observer) or in another thread gets grids of its own.

    **Arguments:**

    - `capacity`: grids that are kept while no run uses them.
    - `growth_mb`: once the memory of the process has grown by more since the end of the first run, everything is
      forgotten, with what TensorFlow and XLA have compiled for it: 20 to 50 MB a grid, and the variables of large
      images. What one run needs, however large its images, does not count: the next one of that size reuses it.
    """

    def __init__(self, capacity: int = _CAPACITY, growth_mb: float = _GROWTH_MB):
        self.capacity, self.growth_mb = capacity, growth_mb
        self._lock = threading.Lock()
        self._idle: OrderedDict[Hashable, list[CompiledGrid]] = OrderedDict()  # the longest unused first
        self._least_mb: float | None = None  # held after the first run, or the first one since all was forgotten

    @contextmanager
    def lease(self) -> Iterator["Lease"]:
        """Lend grids to one run: the `Lease` takes what the run asks for, and gives it back when the block ends."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            for key, grid in lease.borrowed.items():
                self._give_back(key, grid)
            if self._least_mb is None:
                self._least_mb = resident_mb()
            elif resident_mb() > self._least_mb + self.growth_mb:
                self.clear()

    def clear(self) -> None:
        """Forget everything that no run is using, and give its memory back to the system."""
        with self._lock:
            self._idle.clear()
        forget_compiled()
        self._least_mb = None

    def __len__(self) -> int:
        """Return how many grids are kept that no run is using."""
        return sum(map(len, self._idle.values()))

    def take(self, key: Hashable) -> CompiledGrid | None:
        """Take a kept grid for `key` out of the store; None if there is none."""
        with self._lock:
            grids = self._idle.pop(key, [])
            if not grids:
                return None
            found = grids.pop()
            if grids:
                self._idle[key] = grids
            return found

    def _give_back(self, key: Hashable, grid: CompiledGrid) -> None:
        with self._lock:
            self._idle.setdefault(key, []).append(grid)
            self._idle.move_to_end(key)
            excess = sum(map(len, self._idle.values())) - self.capacity
            for _ in range(excess):
                oldest = next(iter(self._idle))
                self._idle[oldest].pop()
                if not self._idle[oldest]:
                    del self._idle[oldest]
        if excess > 0:
            gc.collect()


class Lease:
    """The grids that one run has borrowed."""

    def __init__(self, owner: CompiledGrids):
        self.owner = owner
        self.borrowed: dict[Hashable, CompiledGrid] = {}

    def level(
        self,
        transform: Transform,
        grid: LevelGrid,
        precision: Precision,
        spacing: Sequence[float],
        objective: Objective,
    ) -> CompiledLevel:
        """Return the compiled problem of these parts, from an earlier run or new.

        Within a run the same parts give the same problem.
        """
        in_mm = tuple(spacing) if transform.uses_spacing else None
        key = (cache_key(transform), grid, precision, in_mm)
        if key not in self.borrowed:
            self.borrowed[key] = self.owner.take(key) or CompiledGrid(transform, grid, precision, spacing)
        return self.borrowed[key].level(objective)


of_this_process = CompiledGrids()

"""What was compiled for earlier runs of this process, owned by one object with a bound."""

import gc
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

from pairreg.optimization.cache_key import cache_key
from pairreg.optimization.compiled_level import CompiledGrid, CompiledLevel
from pairreg.optimization.objective import Objective
from pairreg.transform.base import LevelGrid, Precision, Transform

CAPACITY = 64  # grids: the levels of 16 sizes of image


class CompiledGrids:
    """Lends compiled grids to runs, each to one run at a time, and forgets those that were not used for longest.

    A run inside another one (started by an observer) or in another thread gets grids of its own.

    What Python holds of a forgotten grid is freed. What XLA has compiled for it is not, about 40 MB a grid: TensorFlow
    frees that with the process only, which is why `compute=local` goes on in a second process when this one has grown.

    **Arguments:** `capacity`: grids that are kept while no run uses them.
    """

    def __init__(self, capacity: int = CAPACITY):
        self.capacity = capacity
        self._lock = threading.Lock()
        self._idle: OrderedDict[Hashable, list[CompiledGrid]] = OrderedDict()  # the longest unused first

    @contextmanager
    def lease(self) -> Iterator["Lease"]:
        """What one run borrows, until it ends."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            for key, grid in lease.borrowed.items():
                self._give_back(key, grid)

    def clear(self) -> None:
        """Forget everything that no run is using."""
        with self._lock:
            self._idle.clear()
        gc.collect()  # graphs hold themselves in cycles

    def __len__(self) -> int:
        """How many grids are kept that no run is using."""
        return sum(map(len, self._idle.values()))

    def take(self, key: Hashable) -> CompiledGrid | None:
        """A kept grid for `key`, which belongs to the caller from now on; None if there is none."""
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
    """The grids of one run."""

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
        """The compiled problem of these parts, from an earlier run or new; the same for the same parts of one run."""
        in_mm = tuple(spacing) if transform.uses_spacing else None
        key = (cache_key(transform), grid, precision, in_mm)
        if key not in self.borrowed:
            self.borrowed[key] = self.owner.take(key) or CompiledGrid(transform, grid, precision, spacing)
        return self.borrowed[key].level(objective)


of_this_process = CompiledGrids()

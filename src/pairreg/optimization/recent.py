"""A cache with a bound."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Keeps the `capacity` values that were asked for most recently. Not safe for several threads at a time."""

    def __init__(self, capacity: int):
        self.capacity = capacity
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value that is kept for `key`; if there is none, call `make` and keep what it returns."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

"""A bounded memory of what is expensive to make."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Keeps the `capacity` things that were asked for most recently. Not for several threads at a time."""

    def __init__(self, capacity: int):
        self.capacity = capacity
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept for `key`, or else `make()`, which is kept from now on."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

"""Who watches a run: progress bars, logs and trackers."""

from collections.abc import Iterable
from typing import final

import numpy as np

from pairreg.schedule.base import Level


class Observer:
    """Is told of every chunk of iterations. Does nothing itself."""

    def begin(self, names: list[str], levels: list[Level]) -> None:
        """`names` of the columns of all rows to come; the planned levels."""

    def rows(self, start: int, rows: np.ndarray) -> None:
        """Values of the iterations `start`, `start + 1`, …, `(n, len(names))`."""

    def end(self) -> None:
        """The optimisation has ended, perhaps by an error."""


@final
class Observers(Observer):
    """Several observers as one."""

    def __init__(self, observers: Iterable[Observer]):
        self.observers = list(observers)

    def begin(self, names: list[str], levels: list[Level]) -> None:
        for observer in self.observers:
            observer.begin(names, levels)

    def rows(self, start: int, rows: np.ndarray) -> None:
        for observer in self.observers:
            observer.rows(start, rows)

    def end(self) -> None:
        for observer in self.observers:
            observer.end()

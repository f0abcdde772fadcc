"""Observers of a run: the base of progress bars, logs and trackers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import final

import numpy as np

from pairreg.schedule.base import Level


class Observer:
    """The base of objects that are told of every chunk of iterations; its own methods do nothing."""

    def weigh(self, weights: Sequence[Mapping[str, float]]) -> None:
        """Called before `begin` with the weight of each term in the loss, by level; rows hold terms without weights."""

    def begin(self, names: list[str], levels: list[Level]) -> None:
        """Called before the first iteration: `names` of the columns of all rows to come, and the planned levels."""

    def rows(self, start: int, rows: np.ndarray) -> None:
        """Called after each chunk: `rows` `(n, len(names))` begin with iteration `start`, counted from 0."""

    def end(self) -> None:
        """Called once after the optimisation, also if an error ended it."""


@final
class Observers(Observer):
    """Several observers as one: every call goes to each of them, in their order."""

    def __init__(self, observers: Iterable[Observer]):
        self.observers = list(observers)

    def weigh(self, weights: Sequence[Mapping[str, float]]) -> None:
        for observer in self.observers:
            observer.weigh(weights)

    def begin(self, names: list[str], levels: list[Level]) -> None:
        for observer in self.observers:
            observer.begin(names, levels)

    def rows(self, start: int, rows: np.ndarray) -> None:
        for observer in self.observers:
            observer.rows(start, rows)

    def end(self) -> None:
        for observer in self.observers:
            observer.end()

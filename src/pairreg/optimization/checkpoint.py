"""States from which an optimisation that was killed goes on, to the same bits."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pairreg.optimizer.base import Pause, Paused

_SECONDS = 30.0  # between two checkpoints within a level
_COST = 0.01  # of the time, at most, that checkpoints within a level may take

Save = Callable[[Pause, np.ndarray], None]  # takes the history so far


@dataclass(frozen=True)
class Checkpoint:
    """The state of an optimisation between two iterations.

    **Attributes:** `level`: its number, 1 is the coarsest; `parameters`: the values of `Parametrization.state` on that
    level; `paused`: the optimizer within the level, None if the level is over; `rows` `(iterations, columns)`: the
    history so far; `seconds`: what it took so far.
    """

    level: int
    parameters: Sequence[np.ndarray]
    paused: Paused | None
    rows: np.ndarray
    seconds: float


class Checkpoints:
    """The base of what keeps the latest checkpoint of one run; its own methods keep nothing.

    **Attributes:** `pause_after`: the level at whose end the optimisation pauses; None: it does not.
    """

    pause_after: int | None = None

    def load(self) -> Checkpoint | None:
        """Return the checkpoint to go on from; None to begin at the beginning."""
        return None

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep `checkpoint` in place of the one before."""


class Parametrized(Protocol):
    """What a checkpoint needs of a level: the values of its parameters."""

    def parameters(self) -> list[np.ndarray]: ...


class Saver:
    """Saves checkpoints when they are due. The run took `earlier` seconds before it went on in this process."""

    def __init__(self, checkpoints: Checkpoints, earlier: float):
        self.checkpoints, self.earlier = checkpoints, earlier
        self._began = time.perf_counter()
        self._due = self._began + _SECONDS

    def save_if_due(self, level: int, problem: Parametrized, pause: Pause, rows: np.ndarray) -> None:
        """Save the state within a level, if the last time was long enough ago."""
        if time.perf_counter() >= self._due:
            self.save(level, problem, rows, pause())

    def save(self, level: int, problem: Parametrized, rows: np.ndarray, paused: Paused | None = None) -> None:
        """Save the state; without `paused` that of a level that is over."""
        began = time.perf_counter()
        seconds = self.earlier + began - self._began
        self.checkpoints.save(Checkpoint(level, problem.parameters(), paused, rows, seconds))
        done = time.perf_counter()
        self._due = done + max(_SECONDS, (done - began) / _COST)

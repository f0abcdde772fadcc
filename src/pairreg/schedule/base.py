"""What every schedule is: resolution levels, coarse to fine, and when a level has converged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Level:
    """`scale`: a voxel of the level is that many voxels of the finest axis wide. `iterations`: at most."""

    scale: int
    iterations: int


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """**Arguments:** `tolerance`: a level ends when its loss falls by less than this part of itself over `window`
    iterations (the slope of a fitted line); 0 = never. `window`: in iterations."""

    tolerance: float = 0.0
    window: int = 50

    def __post_init__(self) -> None:
        if self.tolerance < 0:
            raise ValueError(f"tolerance should be 0 (never) or above; it is {self.tolerance}")
        if self.window < 2:
            raise ValueError(f"window should be at least 2 iterations; it is {self.window}")

    def levels(self, ndim: int) -> Sequence[Level]:
        raise NotImplementedError

    def converged(self, losses: np.ndarray) -> bool:
        """Whether the losses of a level, oldest first, have stopped falling."""
        if self.tolerance == 0 or len(losses) < self.window:
            return False
        recent = losses[-self.window :]
        slope = np.polyfit(np.arange(self.window), recent, 1)[0]
        return bool(-slope * self.window < self.tolerance * abs(recent.mean()))


def check_iterations(iterations: int) -> None:
    if iterations < 1:
        raise ValueError(f"iterations should be at least 1; it is {iterations}")


def level_factors(shape: Sequence[int], spacing: Sequence[float], scale: int, smallest: int = 8) -> tuple[int, ...]:
    """Voxels per level voxel along each axis: `scale` on the finest axis, less on coarser ones, so that level voxels
    are as isotropic as they can be and no axis falls below `smallest` voxels (or its own size)."""
    wanted = [round(scale * min(spacing) / h) for h in spacing]
    return tuple(max(1, min(f, n // smallest)) for f, n in zip(wanted, shape, strict=True))

"""The base of all schedules: resolution levels, coarse to fine, and when a level has converged."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from pairreg.validation import Checked

Tolerance = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


@dataclass(frozen=True)
class Level:
    """One resolution level.

    **Attributes:** `scale`: the width of a voxel of the level in voxels of the finest axis; `iterations`: at most.
    """

    scale: int
    iterations: int


@dataclass(frozen=True, kw_only=True)
class Schedule(Checked, ABC):
    """The base of schedules, which say what resolution levels a registration has.

    **Arguments:** `tolerance`: a level ends when its loss falls by less than this part of itself over `window`
    iterations (the slope of a fitted line); 0 = never. `window`: in iterations.
    """

    tolerance: Tolerance = 0.0
    window: Annotated[int, Field(ge=2, le=1_000_000)] = 50

    @abstractmethod
    def levels(self, ndim: int) -> Sequence[Level]:
        """Return the levels for images of `ndim` dimensions, coarse to fine."""

    def converged(self, losses: np.ndarray) -> bool:
        """Return whether the losses of a level, oldest first, have stopped falling."""
        if self.tolerance == 0 or len(losses) < self.window:
            return False
        # A fitted line and not the difference of two losses, which jitter from one iteration to the next.
        recent = losses[-self.window :]
        slope = np.polyfit(np.arange(self.window), recent, 1)[0]
        return bool(-slope * self.window < self.tolerance * abs(recent.mean()))


def level_factors(shape: Sequence[int], spacing: Sequence[float], scale: int, smallest: int = 8) -> tuple[int, ...]:
    """Return the voxels per level voxel along each axis: `scale` on the finest axis, less on coarser ones.

    Level voxels are as isotropic as they can be, and no axis falls below `smallest` voxels (or its own size).
    """
    wanted = [round(scale * min(spacing) / h) for h in spacing]
    return tuple(max(1, min(f, n // smallest)) for f, n in zip(wanted, shape, strict=True))

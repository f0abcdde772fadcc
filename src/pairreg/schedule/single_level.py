"""One level at full resolution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pairreg.schedule.base import Level, Schedule
from pairreg.validation import Count


@final
@dataclass(frozen=True, kw_only=True)
class SingleLevel(Schedule):
    """One level at full resolution, as published.

    **Arguments:** `iterations`: at most.
    """

    iterations: Count = 500

    def levels(self, ndim: int) -> Sequence[Level]:
        return [Level(1, self.iterations)]

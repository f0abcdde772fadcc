from collections.abc import Sequence
from dataclasses import dataclass

from pairreg.schedule.base import Level, Schedule, check_iterations


@dataclass(frozen=True, kw_only=True)
class SingleLevel(Schedule):
    """Full resolution throughout, as published. **Arguments:** `iterations`: at most."""

    iterations: int = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        check_iterations(self.iterations)

    def levels(self, ndim: int) -> Sequence[Level]:
        return [Level(1, self.iterations)]

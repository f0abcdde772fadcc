from collections.abc import Sequence
from dataclasses import dataclass, field

from pairreg.schedule.base import Level, Schedule, check_iterations


@dataclass(frozen=True, kw_only=True)
class CoarseToFine(Schedule):
    """Coarse levels first: they cost little and find the large displacements.

    **Arguments:** `scales`: width of a level voxel in voxels of the fixed image (its finest axis), falling.
    `iterations`: at most, per level.
    """

    scales: list[int] = field(default_factory=lambda: [8, 4, 2, 1])
    iterations: list[int] = field(default_factory=lambda: [200, 200, 100, 50])

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.scales or len(self.scales) != len(self.iterations):
            raise ValueError(
                f"scales and iterations should be lists of one length; they are {self.scales} and {self.iterations}"
            )
        if min(self.scales) < 1 or list(self.scales) != sorted(set(self.scales), reverse=True):
            raise ValueError(f"scales should fall and end at 1 or above; they are {self.scales}")
        for count in self.iterations:
            check_iterations(count)

    def levels(self) -> Sequence[Level]:
        return [Level(s, n) for s, n in zip(self.scales, self.iterations, strict=True)]

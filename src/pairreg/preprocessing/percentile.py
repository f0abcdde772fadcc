from dataclasses import dataclass

import numpy as np

from pairreg.preprocessing.base import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Percentile(Preprocessing):
    """Each image between two percentiles of its intensities (in its mask), so that outliers do not matter.

    **Arguments:** `lower`, `upper`: percentiles, 0 to 100.
    """

    lower: float = 0.5
    upper: float = 99.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.lower < self.upper <= 100:
            raise ValueError(f"lower and upper are percentiles, 0 to 100; they are {self.lower} and {self.upper}")

    def limits(self, intensities: np.ndarray) -> tuple[float, float]:
        lower, upper = np.percentile(intensities, (self.lower, self.upper))
        return float(lower), float(upper)

from dataclasses import dataclass

import numpy as np

from pairreg.preprocessing.base import Preprocessing, finite


@dataclass(frozen=True, kw_only=True)
class Window(Preprocessing):
    """Both images between the same two intensities: for units that mean the same in both, such as HU.

    **Arguments:** `lower`, `upper`: limits in the intensities of the images.
    """

    lower: float = -1000.0
    upper: float = 500.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not finite((self.lower, self.upper)) or self.lower >= self.upper:
            raise ValueError(f"lower is below upper, both finite; they are {self.lower} and {self.upper}")

    def limits(self, intensities: np.ndarray) -> tuple[float, float]:
        return self.lower, self.upper

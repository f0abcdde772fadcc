from dataclasses import dataclass

import numpy as np

from pairreg.preprocessing.base import Preprocessing
from pairreg.validation import Finite


@dataclass(frozen=True, kw_only=True)
class Window(Preprocessing):
    """Both images between the same two intensities: for units that mean the same in both, such as HU.

    **Arguments:** `lower`, `upper`: limits in the intensities of the images.
    """

    lower: Finite = -1000.0
    upper: Finite = 500.0

    def problem(self) -> str | None:
        if self.lower >= self.upper:
            return f"lower should be below upper; they are {self.lower} and {self.upper}."
        return None

    def limits(self, intensities: np.ndarray) -> tuple[float, float]:
        return self.lower, self.upper

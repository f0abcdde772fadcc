"""A fixed range of intensities."""

from dataclasses import dataclass
from typing import final

import numpy as np

from pairreg.preprocessing.base import Preprocessing
from pairreg.validation import Finite

_MOST = 0.5  # of an image's range should lie in the window
_LEAST = 0.02  # of the window should be filled


@final
@dataclass(frozen=True, kw_only=True)
class Window(Preprocessing):
    """Maps both images from the same two intensities: for units that mean the same in both, such as HU.

    **Arguments:** `lower`, `upper`: limits in the intensities of the images.
    """

    lower: Finite = -1000.0
    upper: Finite = 500.0

    def problem(self) -> str | None:
        if self.lower >= self.upper:
            return f"lower should be below upper; they are {self.lower} and {self.upper}."
        return None

    @property
    def keeps_mass(self) -> bool:
        return self.range[0] == 0

    def warning(self, intensities: np.ndarray) -> str | None:
        """Return what the window cuts off if that is most of the image's range, or that it is hardly filled.

        The range is that from the 1st to the 99th percentile.
        """
        low, high = np.percentile(intensities, (1, 99))
        used = max(0.0, min(high, self.upper) - max(low, self.lower))
        window, limits = self.upper - self.lower, f"the window {self.lower:g} to {self.upper:g}"
        if used < _MOST * (high - low):
            return f"uses {used / (high - low):.1%} of its range {low:.5g} to {high:.5g}: {limits} cuts off the rest."
        if used < _LEAST * window:
            return f"fills {used / window:.1%} of {limits}: its contrast nearly vanishes."
        return None

    def limits(self, intensities: np.ndarray) -> tuple[float, float]:
        return self.lower, self.upper

"""The whole range of intensities."""

from dataclasses import dataclass
from typing import final

import numpy as np

from pairreg.preprocessing.base import Preprocessing


@final
@dataclass(frozen=True, kw_only=True)
class MinMax(Preprocessing):
    """Maps each image from its smallest to its largest intensity (in its mask); one outlier decides the contrast."""

    def limits(self, intensities: np.ndarray) -> tuple[float, float]:
        return float(intensities.min()), float(intensities.max())

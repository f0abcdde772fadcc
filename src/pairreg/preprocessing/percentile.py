"""The range of intensities without outliers."""

from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
from pydantic import Field

from pairreg.preprocessing.base import Preprocessing

Percentage = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


@final
@dataclass(frozen=True, kw_only=True)
class Percentile(Preprocessing):
    """Maps each image from one percentile of its intensities (in its mask) to another, so that outliers do not matter.

    **Arguments:** `lower`, `upper`: percentiles, 0 to 100.
    """

    lower: Percentage = 0.5
    upper: Percentage = 99.5

    def problem(self) -> str | None:
        if self.lower >= self.upper:
            return f"lower should be below upper; they are {self.lower} and {self.upper}."
        return None

    def limits(self, intensities: np.ndarray) -> tuple[float, float]:
        lower, upper = np.percentile(intensities, (self.lower, self.upper))
        return float(lower), float(upper)

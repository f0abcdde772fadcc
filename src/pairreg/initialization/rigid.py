"""Rigid initialisation."""

from dataclasses import dataclass
from typing import final

import SimpleITK as sitk

from pairreg.initialization.intensity_search import IntensitySearch
from pairreg.pair.pair import Pair


@final
@dataclass(frozen=True, kw_only=True)
class Rigid(IntensitySearch):
    """Finds the rotation and translation of highest mutual information; **arguments** as of `IntensitySearch`."""

    def estimate(self, pair: Pair) -> sitk.Transform:
        return self.estimate_rigid(pair)

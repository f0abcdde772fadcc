"""Rigid initialisation."""

from dataclasses import dataclass
from typing import ClassVar, final

import SimpleITK as sitk

from pairreg.initialization.intensity_search import IntensitySearch
from pairreg.pair.pair import Pair


@final
@dataclass(frozen=True, kw_only=True)
class Rigid(IntensitySearch):
    """Finds the rotation and translation of highest mutual information, coarse to fine.

    **Arguments** as of `IntensitySearch`.

    Source: Mattes et al., IEEE TMI 22:120 (2003), for the mutual information.
    """

    scaled: ClassVar[bool] = False

    def estimate(self, pair: Pair, start: sitk.AffineTransform) -> sitk.Transform:
        return self.estimate_rigid(pair, start)

"""The base of all initialisations."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import SimpleITK as sitk

from pairreg.pair.pair import Pair
from pairreg.validation import Checked


@dataclass(frozen=True, kw_only=True)
class Initialization(Checked, ABC):
    """A coarse alignment, which is found before the deformable registration."""

    @abstractmethod
    def __call__(self, pair: Pair) -> sitk.Transform:
        """Return the transform from fixed to moving points (LPS mm) of a preprocessed pair, which stays as it is."""

from dataclasses import dataclass
from typing import final

import SimpleITK as sitk

from pairreg.initialization.intensity_search import LEVELS, Euler, IntensitySearch
from pairreg.pair.pair import Pair


@final
@dataclass(frozen=True, kw_only=True)
class Affine(IntensitySearch):
    """The affine transform of highest mutual information, found from the rigid one; never worse than that one.

    **Arguments** as of `IntensitySearch`.
    """

    def estimate(self, pair: Pair) -> sitk.Transform:
        finer = LEVELS[pair.ndim][1:]  # the coarsest has too few voxels for its parameters
        return self.refine(_affine(self.estimate_rigid(pair)), pair, finer)


def _affine(rigid: Euler) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(rigid.GetDimension())
    transform.SetCenter(rigid.GetCenter())
    transform.SetMatrix(rigid.GetMatrix())
    transform.SetTranslation(rigid.GetTranslation())
    return transform

"""Affine initialisation."""

from dataclasses import dataclass
from typing import ClassVar, final

import SimpleITK as sitk

from pairreg.initialization.intensity_search import LEVELS, Euler, IntensitySearch
from pairreg.pair.pair import Pair


@final
@dataclass(frozen=True, kw_only=True)
class Affine(IntensitySearch):
    """Finds the affine transform of highest mutual information, coarse to fine, from the rigid one.

    It is never worse than that one.

    **Arguments** as of `IntensitySearch`.

    Source: Mattes et al., IEEE TMI 22:120 (2003), for the mutual information.
    """

    scaled: ClassVar[bool] = True

    def estimate(self, pair: Pair, start: sitk.AffineTransform) -> sitk.Transform:
        finer = LEVELS[pair.ndim][1:]  # the coarsest has too few voxels for the parameters of an affine transform
        return self.refine(_affine(self.estimate_rigid(pair, start)), pair, finer)


def _affine(rigid: Euler) -> sitk.AffineTransform:
    """Return a rigid transform as an affine one with the same centre."""
    transform = sitk.AffineTransform(rigid.GetDimension())
    transform.SetCenter(rigid.GetCenter())
    transform.SetMatrix(rigid.GetMatrix())
    transform.SetTranslation(rigid.GetTranslation())
    return transform

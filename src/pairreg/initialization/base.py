"""The base of all initialisations."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from pairreg.geometry import array
from pairreg.initialization.low_resolution import JUDGED, carried, low_resolution
from pairreg.initialization.mutual_information import overlap_weighted_mi
from pairreg.initialization.single_thread import one_thread
from pairreg.pair.pair import Pair
from pairreg.validation import Checked


@dataclass(frozen=True)
class Start:
    """Where a registration begins.

    **Attributes:** `transform`: from fixed to moving points (LPS mm); `warnings`: what is doubtful, a sentence each.
    """

    transform: sitk.Transform
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Initialization(Checked, ABC):
    """A coarse alignment, which is found before the deformable registration."""

    @abstractmethod
    def __call__(self, pair: Pair) -> sitk.Transform:
        """Return the transform from fixed to moving points (LPS mm) of a preprocessed pair, which stays as it is."""

    @property
    def advice(self) -> str:
        """What helps against a doubtful start."""
        return "try initialization=affine initialization.search=wide"

    def found(self, pair: Pair) -> Start:
        """Return that transform with what the search for it found doubtful."""
        return Start(self(pair))

    def start(self, pair: Pair, as_read: Pair | None = None) -> Start:
        """Return that transform with everything that is doubtful about it.

        `as_read`: the pair before its preprocessing, which may have another fixed grid; None: the same.
        """
        del as_read  # intensities are compared after preprocessing
        return self.judged(pair, self.found(pair))

    def judged(self, pair: Pair, found: Start) -> Start:
        """Return what was found with a warning if it aligns the images of the preprocessed `pair` no better."""
        return Start(found.transform, (*found.warnings, *not_better(pair, found.transform, self.advice)))


def not_better(pair: Pair, transform: sitk.Transform, advice: str) -> tuple[str, ...]:
    """Return a sentence if the images share no more information after `transform` than in their scanner coordinates."""
    before, after = information(pair, sitk.Transform(pair.ndim, sitk.sitkIdentity), transform)
    if after > before:
        return ()
    return (
        f"The initialisation of {pair.name} is no better than its scanner coordinates (information {after:.3g} and "
        f"{before:.3g} nats per voxel); unless these are right, {advice}.",
    )


def information(pair: Pair, *transforms: sitk.Transform) -> list[float]:
    """Return what the images share after each transform, linear or dense, in nats per voxel of the fixed one."""
    judged = low_resolution(pair, JUDGED[pair.ndim])
    if any(np.ptp(array(image)) == 0 for image in (judged.fixed, judged.moving)):
        return [0.0] * len(transforms)  # ITK's metric has no bins for them
    here = sitk.Transform(pair.ndim, sitk.sitkIdentity)
    with one_thread():
        # ITK's metric takes no composite of dense transforms.
        return [
            overlap_weighted_mi(judged, transform)
            if transform.IsLinear()
            else overlap_weighted_mi(carried(judged, transform), here)
            for transform in transforms
        ]

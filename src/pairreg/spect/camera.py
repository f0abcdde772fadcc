"""The resolution of a gamma camera."""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import ive

from pairreg.validation import Checked, Count, NonNegative, Positive

FWHM = 2 * np.sqrt(2 * np.log(2))  # of a Gaussian, in standard deviations


@final
@dataclass(frozen=True, kw_only=True)
class Camera(Checked):
    """A parallel-hole collimator on a circular orbit; by default low-energy high-resolution (LEHR) for 140 keV.

    **Arguments:**

    - `views`: over 360 degrees. The first is from the front, the second towards the patient's left.
    - `radius`: of the orbit in mm, from the axis of rotation to the face of the collimator.
    - `hole`, `length`: of the collimator in mm; 1.11 and 24.05 for the LEHR collimator of the Siemens Symbia, here
      shortened by twice the mean free path of 0.37 mm that photons of 140 keV have in lead.
    - `intrinsic`: resolution of the crystal in mm (FWHM).
    """

    views: Count = 60
    radius: Positive = 250.0
    hole: NonNegative = 1.11
    length: Positive = 23.3
    intrinsic: NonNegative = 3.8

    @property
    def angles(self) -> np.ndarray:
        """The angles of the views in radians, `(views,)`."""
        return 2 * np.pi * np.arange(self.views) / self.views

    def fwhm(self, distance: np.ndarray) -> np.ndarray:
        """Return the resolution in mm (FWHM) at `distance` mm from the collimator.

        The blur of the collimator grows linearly with the distance; that of the crystal is added in quadrature (Cherry,
        Sorenson and Phelps, Physics in Nuclear Medicine, 4th ed., chapter 14).
        """
        return np.hypot(self.hole * (1 + distance / self.length), self.intrinsic)

    def blur(self, distance: np.ndarray, count: int, pitch: float) -> np.ndarray:
        """Return matrices `(len(distance), count, count)` that blur a row of `count` bins of `pitch` mm.

        They are the discrete Gaussian of Lindeberg (IEEE PAMI 12:234, 1990): its variance is that of the resolution,
        also where the bins are as wide as it. What spreads over the ends of the row is lost.
        """
        variance = (self.fwhm(distance) / FWHM / pitch) ** 2
        steps = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
        taps: np.ndarray = ive(np.arange(count), variance[:, None])
        return taps[:, steps].astype(np.float32)

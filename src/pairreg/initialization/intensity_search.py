"""The search for the linear transform of highest mutual information, coarse to fine; `rigid` and `affine` share it."""

from abc import abstractmethod
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.initialization.base import Initialization
from pairreg.initialization.center_of_mass import translation_between_centres
from pairreg.initialization.low_resolution import low_resolution
from pairreg.initialization.mutual_information import STRIDES, optimise, overlap_weighted_mi
from pairreg.initialization.single_thread import one_thread
from pairreg.pair.pair import Pair
from pairreg.validation import Count, Seed

Euler = sitk.Euler2DTransform | sitk.Euler3DTransform
T = TypeVar("T", bound=sitk.Transform)
LEVELS = {2: (32, 64, 128), 3: (16, 32, 64)}  # voxels along the longest side
_FEWEST = 100  # voxels in the mask: with fewer, a level says nothing about the mutual information
_JUDGED = {2: 128, 3: 48}  # voxels along the longest side where transforms of all levels are compared


@dataclass(frozen=True, kw_only=True)
class IntensitySearch(Initialization):
    """Finds a linear transform of high mutual information, so for any two modalities.

    It starts from the best of three: scanner coordinates, centres of the grids, centres of mass; it is coarse to fine,
    at most 128 voxels across in 2-D and 64 in 3-D, and finds rotations of up to about 30 degrees. The result is at
    least as good (mutual information times overlap) as the start. Two runs give the same bits.

    **Arguments:**

    - `samples`: voxels at random that the mutual information is estimated from.
    - `iterations`: at most, of each of the two searches per level.
    - `seed`: of the samples.

    Raises `InputError` (when called) for images that share no information.
    """

    samples: Count = 20000
    iterations: Count = 200
    seed: Seed = 0

    def __call__(self, pair: Pair) -> sitk.Transform:
        try:
            with one_thread():
                return self.estimate(pair)
        except RuntimeError as error:
            lost = f"The images of {pair.name} lose each other during the initialisation"
            raise InputError(f"{lost}; check their masks and contents or use initialization=center_of_mass.") from error

    @abstractmethod
    def estimate(self, pair: Pair) -> sitk.Transform:
        """Return the transform of highest mutual information, from fixed to moving points (LPS mm)."""

    def estimate_rigid(self, pair: Pair) -> Euler:
        """Return the rotation and translation of highest mutual information."""
        return self.refine(_euler(_best_start(pair)), pair, LEVELS[pair.ndim])

    def refine(self, transform: T, pair: Pair, levels: tuple[int, ...]) -> T:
        """Return `transform` after the searches of all levels; one that does not improve it is discarded."""
        judged = low_resolution(pair, _JUDGED[pair.ndim])
        levels_ = [low_resolution(pair, across) for across in levels]
        for level, stride in product((v for v in levels_ if v.voxels >= _FEWEST), STRIDES):
            moved = type(transform)(transform)
            optimise(level, moved, stride, self.samples, self.iterations, self.seed)
            transform = max(transform, moved, key=lambda candidate: overlap_weighted_mi(judged, candidate))
        return transform


def _best_start(pair: Pair) -> sitk.AffineTransform:
    """Return the best of three translations, as an affine transform around the centre of the fixed mass.

    The best has the highest `overlap_weighted_mi`. Rotations start best around the centre of mass. Raises `InputError`
    if no translation gives any mutual information.
    """
    mass = translation_between_centres(pair, "mass")
    translations = (
        (0.0,) * pair.ndim,
        translation_between_centres(pair, "geometry").GetTranslation(),
        mass.GetTranslation(),
    )
    judged = low_resolution(pair, _JUDGED[pair.ndim])
    starts = [_translation(mass.GetCenter(), shift) for shift in translations]
    scores = [overlap_weighted_mi(judged, start) for start in starts]
    if max(scores) <= 0:
        raise InputError(
            f"The images of {pair.name} share no information at any start; check their masks and contents."
        )
    return starts[scores.index(max(scores))]


def _translation(center: tuple[float, ...], shift: tuple[float, ...]) -> sitk.AffineTransform:
    """Return the translation by `shift` as an affine transform around `center`."""
    transform = sitk.AffineTransform(len(center))
    transform.SetCenter(center)
    transform.SetTranslation(shift)
    return transform


def _euler(start: sitk.AffineTransform) -> Euler:
    """Return the translation `start` as a rigid transform with the same centre."""
    transform: Euler = sitk.Euler2DTransform() if start.GetDimension() == 2 else sitk.Euler3DTransform()
    transform.SetCenter(start.GetCenter())
    transform.SetTranslation(start.GetTranslation())
    return transform

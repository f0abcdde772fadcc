"""The search for the linear transform of highest mutual information, coarse to fine; `rigid` and `affine` share it."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, ClassVar, Literal, TypeVar

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.initialization.base import Initialization, Start
from pairreg.initialization.center_of_mass import translation_between_centres
from pairreg.initialization.low_resolution import JUDGED, LowResolution, low_resolution
from pairreg.initialization.mutual_information import STRIDES, optimise, overlap_weighted_mi
from pairreg.initialization.single_thread import one_thread
from pairreg.initialization.wide_search import (
    Candidate,
    best_first,
    judge,
    one_after_other,
    rival,
    turned_back,
    wide_search,
)
from pairreg.markers import Neutral
from pairreg.pair.pair import Pair
from pairreg.validation import Count, Seed

Euler = sitk.Euler2DTransform | sitk.Euler3DTransform
T = TypeVar("T", bound=sitk.Transform)
LEVELS = {2: (32, 64, 128), 3: (16, 32, 64)}  # voxels along the longest side
_FEWEST = 100  # voxels in the mask: with fewer, a level says nothing about the mutual information


@dataclass(frozen=True, kw_only=True)
class IntensitySearch(Initialization):
    """Finds a linear transform of high mutual information, so for any two modalities.

    It is coarse to fine, at most 128 voxels across in 2-D and 64 in 3-D. The result is at least as good (mutual
    information times overlap) as the start, and no reflection. Two runs give the same bits.

    **Arguments:**

    - `search`: `local` starts from the best of three translations (scanner coordinates, centres of the grids, centres
      of mass) and finds rotations of up to about 30 degrees; `wide` from the best of all rotations, translations, and,
      where the transform has one, scales of about 0.8 to 1.25, for images whose coordinates are unrelated or of which
      one shows a part of the other.
    - `samples`: voxels at random that the mutual information is estimated from.
    - `iterations`: at most, of each of the two searches per level.
    - `seed`: of the samples.

    Raises `InputError` (when called) for images that share no information.
    """

    scaled: ClassVar[bool]  # whether the transform has a scale
    search: Annotated[Literal["local", "wide"], Neutral("local")] = "local"
    samples: Count = 20000
    iterations: Count = 200
    seed: Seed = 0

    def __call__(self, pair: Pair) -> sitk.Transform:
        return self.found(pair).transform

    @property
    def advice(self) -> str:
        if self.search == "local":
            return "try initialization.search=wide"
        return "give masks, or a transform by initialization=file"

    def found(self, pair: Pair) -> Start:
        try:
            with one_thread():
                judged = low_resolution(pair, JUDGED[pair.ndim])
                translations = best_first(judge(judged, _translations(pair)))
                if self.search == "local":
                    starts = _meeting(translations, pair)
                    return Start(self.estimate(pair, starts[0].transform), self._doubts(starts, pair))
                starts = _meeting(wide_search(pair, translations[:1], judged, self.scaled, self._improve), pair)
                both = judge(judged, [self._estimate_turned(pair, starts[0].transform), translations[0].transform])
                return Start(best_first(both)[0].transform, self._doubts(starts, pair))
        except RuntimeError as error:
            lost = f"The images of {pair.name} lose each other during the initialisation"
            raise InputError(f"{lost}; check their masks and contents or use initialization=center_of_mass.") from error

    @abstractmethod
    def estimate(self, pair: Pair, start: sitk.AffineTransform) -> sitk.Transform:
        """Return the transform of highest mutual information near a translation (fixed to moving points, LPS mm)."""

    def _estimate_turned(self, pair: Pair, start: sitk.AffineTransform) -> sitk.AffineTransform:
        """Return the transform of highest mutual information near a similarity."""
        seen = turned_back(pair, start)
        center = translation_between_centres(seen, "mass").GetCenter()
        return one_after_other(self.estimate(seen, _translation(center, (0.0,) * pair.ndim)), start)

    def _doubts(self, starts: Sequence[Candidate], pair: Pair) -> tuple[str, ...]:
        """Return a sentence if a start far from the best is nearly as good."""
        other = rival(starts, pair)
        if other is None:
            return ()
        return (
            f"The start of {pair.name} is doubtful: a very different one is nearly as good (information "
            f"{other.information:.3g} against {starts[0].information:.3g} nats per voxel); look at the overview, and "
            f"unless it is right, {self.advice}.",
        )

    def _improve(self, level: LowResolution, transform: sitk.Transform) -> None:
        """Move `transform` uphill in large steps, then in small ones."""
        for stride in STRIDES:
            optimise(level, transform, stride, self.samples, self.iterations, self.seed)

    def estimate_rigid(self, pair: Pair, start: sitk.AffineTransform) -> Euler:
        """Return the rotation and translation of highest mutual information near a translation."""
        return self.refine(_euler(start), pair, LEVELS[pair.ndim])

    def refine(self, transform: T, pair: Pair, levels: tuple[int, ...]) -> T:
        """Return `transform` after the searches of all levels; one that does not improve it is discarded."""
        judged = low_resolution(pair, JUDGED[pair.ndim])
        levels_ = [low_resolution(pair, across) for across in levels]
        for level, stride in product((v for v in levels_ if v.voxels >= _FEWEST), STRIDES):
            moved = type(transform)(transform)
            optimise(level, moved, stride, self.samples, self.iterations, self.seed)
            transform = max(transform, moved, key=lambda candidate: overlap_weighted_mi(judged, candidate))
        return transform


def _meeting(starts: list[Candidate], pair: Pair) -> list[Candidate]:
    """Return the starts, the best first; raises `InputError` if none gives any information."""
    if not starts or starts[0].information <= 0:
        advice = "check their masks and contents"
        raise InputError(f"The images of {pair.name} share no information at any start; {advice}.")
    return starts


def _translations(pair: Pair) -> list[sitk.AffineTransform]:
    """Return three translations, as affine transforms around the centre of the fixed mass: rotations start best there.

    They are those between the scanner coordinates (none), the centres of the grids, and the centres of mass.
    """
    mass = translation_between_centres(pair, "mass")
    shifts = ((0.0,) * pair.ndim, translation_between_centres(pair, "geometry").GetTranslation(), mass.GetTranslation())
    return [_translation(mass.GetCenter(), shift) for shift in shifts]


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

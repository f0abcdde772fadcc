"""The search over all rotations and translations: many are compared coarsely, few of them refined."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from pairreg.geometry import corners, linear_part
from pairreg.initialization.low_resolution import LowResolution, low_resolution
from pairreg.initialization.mutual_information import overlap_weighted_mi
from pairreg.pair.pair import Pair

_Centred = sitk.Euler2DTransform | sitk.Euler3DTransform | sitk.Similarity2DTransform | sitk.Similarity3DTransform
Improve = Callable[[LowResolution, sitk.Transform], None]
_SHOWN = {2: 128, 3: 64}  # voxels along the longest side of the images whose intensities are divided into classes
_LEVELS = {2: (32, 64), 3: (16, 32)}  # voxels along the longest side where candidates are refined, coarse to fine
_NEARLY = 0.9  # of the information of the best candidate: another with that much may be the right one
_IDENTITIES: dict[tuple[int, bool], type[_Centred]] = {
    (2, False): sitk.Euler2DTransform,
    (3, False): sitk.Euler3DTransform,
    (2, True): sitk.Similarity2DTransform,
    (3, True): sitk.Similarity3DTransform,
}
_APART = 0.25  # of the fixed image's longest side, in the mean of its corners: transforms that differ by less are one


@dataclass(frozen=True)
class _Effort:
    """How closely all rotations are compared.

    **Attributes:** `across`, `most`: voxels, see `Translations.of`, the second by the number of axes; `scales`: tried
    with each rotation; `kept`: candidates that are refined on each of `_LEVELS`.
    """

    across: int
    most: dict[int, int]
    scales: tuple[float, ...]
    kept: tuple[int, int]


_EFFORTS = (
    _Effort(14, {2: 128, 3: 40}, (1.0,), (8, 3)),
    _Effort(18, {2: 128, 3: 48}, (1.0, 0.85, 1.18), (24, 4)),
)


@dataclass(frozen=True)
class Candidate:
    """A linear transform from fixed to moving points (LPS mm), and the information in nats per fixed voxel it gives."""

    transform: sitk.AffineTransform
    information: float


def wide_search(
    pair: Pair, starts: Sequence[Candidate], judged: LowResolution, scaled: bool, improve: Improve
) -> list[Candidate]:
    """Return the best transforms, the best first, of which no two are near each other and none is a reflection.

    They are found from `starts` and all rotations, `scaled` with one factor for all axes, and compared on `judged`.
    `improve` moves a transform near the identity uphill, in place. If no candidate stands out, the search goes on with
    more effort.
    """
    found = list(starts)
    for effort in _EFFORTS:
        found += distinct(best_first(_coarse(pair, effort, scaled)), pair, effort.kept[0])
        for across, kept in zip(_LEVELS[pair.ndim], effort.kept, strict=True):
            level = low_resolution(pair, across)
            refined = [_refined(candidate.transform, level, scaled, improve) for candidate in found]
            found = distinct(best_first(judge(judged, [one for one in refined if one])), pair, kept)
        if found and rival(found, pair) is None:
            break
    return found


def rival(candidates: Sequence[Candidate], pair: Pair) -> Candidate | None:
    """Return a candidate far from the first that gives nearly as much information; None if there is none."""
    best, *others = distinct(candidates, pair, 2)
    return others[0] if others and others[0].information >= _NEARLY * best.information else None


def judge(judged: LowResolution, transforms: Iterable[sitk.AffineTransform]) -> list[Candidate]:
    """Return what information transforms give on `judged`."""
    return [Candidate(transform, overlap_weighted_mi(judged, transform)) for transform in transforms]


def _coarse(pair: Pair, effort: _Effort, scaled: bool) -> list[Candidate]:
    """Return the best translation of each rotation; their information is that of a few classes of intensities."""
    from pairreg.initialization.rotations import covering  # both import SciPy
    from pairreg.initialization.translations import Translations

    shown = low_resolution(pair, _SHOWN[pair.ndim], margin=False)
    translations = Translations.of(shown, effort.across, effort.most[pair.ndim])
    scales = effort.scales if scaled else (1.0,)
    found = [translations.best(rotation, scale) for scale in scales for rotation in covering(pair.ndim)]
    return [Candidate(transform, information) for information, transform in found]


def best_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates by falling information; of equal ones, the first stays first."""
    return sorted(candidates, key=lambda candidate: -candidate.information)


def distinct(candidates: Iterable[Candidate], pair: Pair, most: int) -> list[Candidate]:
    """Return the first candidates, at most `most`, of which none is near an earlier one."""
    kept: list[Candidate] = []
    for candidate in candidates:
        if len(kept) < most and all(_distance(pair, candidate, other) > _APART for other in kept):
            kept.append(candidate)
    return kept


def _distance(pair: Pair, first: Candidate, second: Candidate) -> float:
    """Return how far apart two transforms put the corners of the fixed image, in the mean and in its longest sides."""
    size = pair.fixed.GetSize()
    points = [pair.fixed.TransformContinuousIndexToPhysicalPoint(corner) for corner in corners(size).T.tolist()]
    apart = [np.subtract(first.transform.TransformPoint(p), second.transform.TransformPoint(p)) for p in points]
    longest = np.multiply(size, pair.fixed.GetSpacing()).max()
    return float(np.linalg.norm(apart, axis=1).mean() / longest)


def _refined(
    start: sitk.AffineTransform, level: LowResolution, scaled: bool, improve: Improve
) -> sitk.AffineTransform | None:
    """Return a similarity after `improve`, of scale 1 unless `scaled`; None if the images lose each other."""
    seen = replace(
        level,
        moving=_turned_back(level.moving, start),
        moving_mask=None if level.moving_mask is None else _turned_back(level.moving_mask, start),
    )
    local = _IDENTITIES[level.fixed.GetDimension(), scaled]()
    local.SetCenter(level.fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in level.fixed.GetSize()]))
    try:
        improve(seen, local)
    except RuntimeError:  # of SimpleITK; a wrong candidate may well lead out of the other image
        return None
    return one_after_other(local, start)


def turned_back(pair: Pair, transform: sitk.AffineTransform) -> Pair:
    """Return the pair with a moving image that lies where the inverse of a similarity `transform` takes it."""
    mask = pair.moving_mask
    return replace(
        pair,
        moving=_turned_back(pair.moving, transform),
        moving_mask=None if mask is None else _turned_back(mask, transform),
    )


def _turned_back(image: sitk.Image, transform: sitk.AffineTransform) -> sitk.Image:
    """Return the image where the inverse of a similarity takes it: only its origin, spacing and axes change.

    A search of angles near zero goes on from there, without the singularities of large ones.
    """
    ndim = image.GetDimension()
    matrix = np.reshape(transform.GetMatrix(), (ndim, ndim))
    scale = float(np.linalg.det(matrix) ** (1 / ndim))
    moved = sitk.Image(image)
    moved.SetOrigin(transform.GetInverse().TransformPoint(image.GetOrigin()))
    moved.SetSpacing([spacing / scale for spacing in image.GetSpacing()])
    moved.SetDirection((matrix.T / scale @ np.reshape(image.GetDirection(), (ndim, ndim))).ravel().tolist())
    return moved


def one_after_other(first: sitk.Transform, second: sitk.Transform) -> sitk.AffineTransform:
    """Return the linear transform that takes a point to `second(first(point))`."""
    ndim = first.GetDimension()
    matrix, offset = linear_part(sitk.CompositeTransform([second, first]), ndim)
    whole = sitk.AffineTransform(ndim)
    whole.SetMatrix(matrix.ravel().tolist())
    whole.SetTranslation(offset.tolist())
    return whole

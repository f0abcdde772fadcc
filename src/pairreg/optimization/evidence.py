"""The data of terms that are not on the images: prepared once on the fixed grid, and given to every level."""

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, whole_transform
from pairreg.arrays import Image, Mask
from pairreg.errors import InputError
from pairreg.optimization.block_mean import block_mean
from pairreg.optimization.cache_key import cache_key
from pairreg.optimization.counted import Counted, counted
from pairreg.optimization.objective import Objective
from pairreg.optimization.other_data import Maps, Points
from pairreg.optimization.resampled_pair import ResampledPair
from pairreg.optimization.wide_grid import known_voxels
from pairreg.pair.pair import Pair
from pairreg.similarity.base import IMAGE, LABELS, DataTerm, Similarity
from pairreg.similarity.landmarks import Landmarks
from pairreg.transform.base import LevelGrid

log = logging.getLogger("pairreg")
Images = Callable[[str, bool], tuple[sitk.Image, sitk.Image]]  # of a channel (or the images), as densities or not
_NEWTON = 50  # steps to the fixed point of a landmark; one is enough where the initialisation is linear
_CLOSE = 1e-3  # of the shortest side of a voxel
_STEP = 0.5  # likewise, of differences of the initialisation


@dataclass(frozen=True)
class Used:
    """What an objective is given of what a result is evaluated by.

    **Attributes:** `labels`: values of the label maps; `landmarks`: numbers of the points, from 0.
    """

    labels: frozenset[int] = frozenset()
    landmarks: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ComparedMaps:
    """The maps that a similarity compares; see `other_data.Maps`.

    **Attributes:** `fixed` `(*spatial,)` and `moving`, as large as that of the pair: one map per label, or one;
    `mask` and `moving_mask`: where they have data; `shares` `(maps,)`: how much each counts.
    """

    fixed: Sequence[Image]
    moving: Sequence[Image]
    mask: Mask
    moving_mask: Mask
    shares: np.ndarray

    def level(self, prepared: ResampledPair, grid: LevelGrid) -> Maps:
        """Return the arrays of one level."""
        return Maps(
            fixed=np.stack([block_mean(one, grid.factors) for one in self.fixed], -1),
            moving=np.stack([prepared.wide.block_mean(one, grid) for one in self.moving], -1),
            shares=self.shares.astype(np.float32),
            **self.counted(prepared, grid)._asdict(),
        )

    def counted(self, prepared: ResampledPair, grid: LevelGrid) -> Counted:
        """Return what counts of the maps on one level."""
        return counted(self.mask, self.moving_mask, prepared.wide, grid)


@dataclass(frozen=True)
class ComparedPoints:
    """Corresponding points.

    **Attributes:** `voxels` `(n, ndim)`: fixed points in voxels, array axis order; `targets`, likewise: the moving
    ones, carried back through the initialisation; `matrices` `(n, ndim, ndim)`: mm in the space of the moving image
    per voxel of the fixed grid; `offsets` `(n, ndim)`: mm, without a deformation.
    """

    voxels: np.ndarray
    targets: np.ndarray
    matrices: np.ndarray
    offsets: np.ndarray

    def level(self, prepared: ResampledPair, grid: LevelGrid) -> Points:
        """Return the arrays of one level."""
        del prepared
        matrices = (self.matrices * np.array(grid.factors)).astype(np.float32)
        around = *_around(self.voxels, grid), *_around(self.targets, grid)
        return Points(*around, matrices, self.offsets.astype(np.float32))


def _around(voxels: np.ndarray, grid: LevelGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return the flat indices of the voxels of a level around points `(n, ndim)` of the fixed grid, and their weights.

    Both are `(n, 2^ndim)`. Points beyond the grid have the nearest voxels of its border.
    """
    factors, last = np.array(grid.factors), np.array(grid.shape) - 1
    # A voxel of a level has its centre in the middle of the voxels that it covers.
    at = np.clip((voxels - (factors - 1) / 2) / factors, 0, last)
    low = np.minimum(np.floor(at).astype(int), np.maximum(last - 1, 0))
    corners = np.indices((2,) * grid.ndim).reshape(grid.ndim, -1).T  # (2^ndim, ndim)
    around = np.minimum(low[:, None] + corners, last)
    parts = np.where(corners, (at - low)[:, None], 1 - (at - low)[:, None]).prod(-1)
    cells = np.ravel_multi_index(tuple(np.moveaxis(around, -1, 0)), grid.shape)
    return cells.astype(np.int32), parts.astype(np.float32)


Evidence = ComparedMaps | ComparedPoints


def check_evidence(pair: Pair, objectives: Sequence[Objective]) -> Used:
    """Return what the objectives of the levels are given.

    A term of weight 0 is given its data, too, so a run with it is evaluated over the same as one with more weight.
    Raises `InputError` if a term compares what the pair has not on both sides.
    """
    labels: set[int] = set()
    landmarks: set[int] = set()
    for name, term in (item for objective in objectives for item in objective.on_others.items()):
        if isinstance(term, Landmarks):
            landmarks |= {int(i) for i in np.flatnonzero(_chosen(pair, name, term))}
        elif isinstance(term, Similarity) and term.on != IMAGE:
            fixed, moving = _sides(pair, name, term.on)
            if term.mass_preserving and _is_label_map(fixed):
                raise InputError(f"similarity.{name} is mass_preserving, and the channel {term.on!r} is a label map.")
            if term.on == LABELS:
                labels |= {
                    label for label, share in _label_shares(pair, name, term, fixed, moving).items() if share > 0
                }
    return Used(frozenset(labels), frozenset(landmarks))


def evidence(prepared: ResampledPair, objectives: Sequence[Objective], images: Images) -> list[tuple[Evidence, ...]]:
    """Return for each level the data of its `objective.on_others`; `images` gives preprocessed channels, and densities.

    Raises `InputError` for what `check_evidence` refuses, and for landmarks that the initialisation cannot carry.
    """
    data = _Data(prepared, images)
    return [tuple(data.of(name, term) for name, term in one.on_others.items()) for one in objectives]


class _Data:
    """The data of terms. What several of them, or the objects of one for several levels, compare is prepared once.

    At full resolution the maps of many labels fill the memory.
    """

    def __init__(self, prepared: ResampledPair, images: Images):
        self.prepared, self.images = prepared, images
        self._known: dict[Hashable, Any] = {}

    def of(self, name: str, term: DataTerm) -> Evidence:
        """Return the data of a term that is called `name`."""
        found: Evidence
        if isinstance(term, Landmarks):
            key = ("points", name, cache_key(term.subset))
            found = self._once(key, partial(_points, self.prepared, name, term))
            return found
        assert isinstance(term, Similarity), "any other term is a similarity"
        sides = None if term.on == IMAGE else _sides(self.prepared.pair, name, term.on)
        if sides is not None and _is_label_map(sides[0]):
            return self._of_labels(name, term, sides)
        try:
            found = self._once(("images", term.on, term.mass_preserving), partial(self._of_images, term))
        except InputError as error:
            raise InputError(f"similarity.{name}: {error}") from None
        return found

    def _of_labels(self, name: str, term: Similarity, sides: tuple[sitk.Image, sitk.Image]) -> ComparedMaps:
        every = _label_shares(self.prepared.pair, name, term, *sides)
        shares = {label: share for label, share in every.items() if share > 0}
        maps = [self._once(("label", term.on, one), partial(_label_map, self.prepared, sides, one)) for one in shares]
        fixed, moving = zip(*maps, strict=True)
        mask, moving_mask = self._once(("masks", term.on), partial(_masks, self.prepared, *sides))
        return ComparedMaps(fixed, moving, mask, moving_mask, np.array(list(shares.values())))

    def _of_images(self, term: Similarity) -> ComparedMaps:
        both = self.images(term.on, term.mass_preserving)
        fixed, moving = _maps(self.prepared, *both, term.mass_preserving)
        mask, moving_mask = _masks(self.prepared, *both)
        return ComparedMaps([fixed], [moving], mask, moving_mask, np.ones(1))

    def _once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what `make()` returned for `key` earlier, or call it."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def _sides(pair: Pair, name: str, on: str) -> tuple[sitk.Image, sitk.Image]:
    """Return the label maps, or the channels called `on`, of both sides of the pair."""
    where = f"similarity.{name} compares"
    if on == LABELS:
        sides: Mapping[str, sitk.Image | None] = {"fixed": pair.fixed_labels, "moving": pair.moving_labels}
        missing = [f"{side}_labels" for side, labels in sides.items() if labels is None]
        if missing:
            raise InputError(f"{where} labels; pair {pair.name!r} has no {' and no '.join(missing)}: give both maps.")
        assert pair.fixed_labels is not None and pair.moving_labels is not None
        return pair.fixed_labels, pair.moving_labels
    known = {"fixed_channels": pair.fixed_channels, "channels": pair.channels}
    missing = [setting for setting, channels in known.items() if on not in channels]
    if missing:
        both = ", ".join(sorted(set(pair.fixed_channels) & set(pair.channels))) or "none"
        raise InputError(
            f"{where} the channel {on!r}, which pair {pair.name!r} has not in {' and '.join(missing)}; "
            f"channels of both sides: {both}."
        )
    fixed, moving = pair.fixed_channels[on], pair.channels[on]
    if _is_label_map(fixed) != _is_label_map(moving):
        side = "fixed" if _is_label_map(fixed) else "moving"
        raise InputError(
            f"{where} the channel {on!r}, which is a label map on the {side} side only; give labels of both."
        )
    return fixed, moving


def _is_label_map(image: sitk.Image) -> bool:
    return geometry.channel_interpolation(image) != "linear"


def _label_shares(pair: Pair, name: str, term: Similarity, fixed: sitk.Image, moving: sitk.Image) -> dict[int, float]:
    """Return how much each label that both maps have counts, a share of 1."""
    both = np.intersect1d(geometry.array(fixed), geometry.array(moving))
    labels = [int(label) for label in both if label > 0]
    if not labels:
        raise InputError(f"similarity.{name} compares {term.on}; the two label maps of {pair.name!r} share no label.")
    try:
        shares = term.label_shares(labels, pair.label_names if term.on == LABELS else {})
    except InputError as error:
        raise InputError(f"similarity.{name}: {error}") from None
    return {label: share / sum(shares) for label, share in zip(labels, shares, strict=True)}


def _label_map(prepared: ResampledPair, sides: tuple[sitk.Image, sitk.Image], label: int) -> tuple[Image, Image]:
    """Return `_maps` of a label, which are 1 inside of it and 0 outside."""
    fixed, moving = (sitk.Cast(side == label, sitk.sitkFloat32) for side in sides)
    return _maps(prepared, fixed, moving)


def _maps(
    prepared: ResampledPair, fixed: sitk.Image, moving: sitk.Image, mass_preserving: bool = False
) -> tuple[Image, Image]:
    """Resample an image of each side to the fixed grid, and to that of the moving image through the initialisation."""
    here = geometry.identity(prepared.pair.ndim)
    on_grid = geometry.array(geometry.resample(fixed, prepared.pair.fixed, here, fill=geometry.minimum(fixed)))
    warped = prepared.wide.intensities(moving)
    if mass_preserving:
        warped = (warped * _volume_change(prepared.initial, prepared.wide.grid)).astype(np.float32)
    return on_grid, warped


def _masks(prepared: ResampledPair, fixed: sitk.Image, moving: sitk.Image) -> tuple[Mask, Mask]:
    """Return where the images of each side have data, on the grids of `_maps`."""
    pair = prepared.pair
    mask = prepared.fixed_mask & geometry.coverage(fixed, pair.fixed, geometry.identity(pair.ndim))
    return mask, known_voxels(moving, pair.moving_mask, prepared.wide.grid, prepared.initial)


def _volume_change(initial: sitk.Transform, grid: sitk.Image) -> np.ndarray | float:
    """Return the absolute Jacobian determinant of the initialisation on `grid` `(*spatial,)`."""
    if initial.IsLinear():
        return float(abs(np.linalg.det(geometry.linear_part(initial, grid.GetDimension())[0])))
    # ITK's filter for this takes the axes of the grid for x, y, z, whatever its direction.
    return np.abs(whole_transform.determinant(initial, grid))


def _chosen(pair: Pair, name: str, term: Landmarks) -> np.ndarray:
    """Return which landmarks a term uses `(n,)`: of its subset those in the fixed image."""
    if pair.fixed_landmarks is None or pair.moving_landmarks is None:
        raise InputError(
            f"similarity.{name} compares landmarks, which pair {pair.name!r} has not; give fixed_landmarks and "
            "moving_landmarks."
        )
    try:
        chosen = term.chosen(len(pair.fixed_landmarks))
    except InputError as error:
        raise InputError(f"similarity.{name}: {error}") from None
    used = chosen & geometry.inside(pair.fixed_landmarks, pair.fixed)
    if not used.any():
        raise InputError(f"similarity.{name} has no landmark inside the fixed image of {pair.name!r}; choose others.")
    return used


def _points(prepared: ResampledPair, name: str, term: Landmarks) -> ComparedPoints:
    """Carry the moving points back through the initialisation, about which its derivative then holds."""
    pair, initial = prepared.pair, prepared.initial
    used = _chosen(pair, name, term)
    assert pair.fixed_landmarks is not None and pair.moving_landmarks is not None
    outside = int(np.count_nonzero(term.chosen(len(used)) & ~used))
    if outside:
        verb = "lies" if outside == 1 else "lie"
        log.warning(f"similarity.{name}: {outside} of its landmarks {verb} outside the fixed image, without an effect.")
    fixed, moving = pair.fixed_landmarks[used], pair.moving_landmarks[used]
    back, derivatives = _carried_back(moving, fixed, initial, min(pair.fixed.GetSpacing()), f"similarity.{name}")
    return ComparedPoints(
        voxels=geometry.voxels_of(fixed, pair.fixed)[:, ::-1],
        targets=geometry.voxels_of(back, pair.fixed)[:, ::-1],
        matrices=derivatives @ geometry.index_to_physical(pair.fixed),
        offsets=np.einsum("nij,nj->ni", derivatives, fixed - back),
    )


def _carried_back(
    moving: np.ndarray, start: np.ndarray, initial: sitk.Transform, side: float, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points that `initial` maps to `moving` `(n, ndim)`, and its derivative there `(n, ndim, ndim)`.

    Newton's method begins at `start`; the shortest `side` of a voxel in mm is the unit of its errors and steps.
    Raises `InputError` for a point that it does not reach.
    """
    points = np.array(start, float)
    for _ in range(_NEWTON):
        error = _mapped(initial, points) - moving
        derivatives = _derivatives(initial, points, _STEP * side)
        if np.abs(error).max() < _CLOSE * side:
            return points, derivatives
        points = points - np.linalg.solve(derivatives, error[..., None])[..., 0]
    number = int(np.abs(error).max(1).argmax()) + 1
    raise InputError(f"{where}: the initialisation leads nowhere to the moving landmark {number} of those that count.")


def _mapped(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def _derivatives(transform: sitk.Transform, points: np.ndarray, step: float) -> np.ndarray:
    """Return the derivative of a transform at points by differences over `step` mm, exact where it is linear."""
    ways = step * np.eye(points.shape[1])
    columns = [(_mapped(transform, points + way) - _mapped(transform, points - way)) / (2 * step) for way in ways]
    return np.stack(columns, -1)

"""Lesions in bone whose place, volume and uptake are known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pairreg.errors import InputError

_VOLUME, _CONTRAST = (0.2, 0.5), (3.5, 4.5)  # cc, and times the uptake of bone: Chen et al., Med. Phys. 47:6366 (2020)
_AXES = (0.75, 1.33)  # of an ellipsoid, relative to the sphere of its volume
_ROOM = 1.5  # a lesion reaches no further than this many times the radius of the sphere of its volume
_TRIES = 100  # for each lesion


@dataclass(frozen=True)
class Lesions:
    """Lesions on a grid.

    **Attributes:** `mask` `(z, y, x)`, int16, lesion `i` has the value `i`, from 1; `contrasts` to bone.
    """

    mask: np.ndarray
    contrasts: tuple[float, ...]

    def insert(self, activity: np.ndarray, uptake: float) -> np.ndarray:
        """Return `activity` `(z, y, x)` with the contrast times `uptake`, the activity of bone, in every lesion."""
        factors = np.array([0, *self.contrasts], np.float32)[self.mask]
        return np.where(self.mask > 0, factors * np.float32(uptake), activity)

    def volumes(self, spacing: Sequence[float]) -> np.ndarray:
        """Return the volumes in cc, `(lesions,)`, as the mask has them."""
        return np.bincount(self.mask.ravel(), minlength=len(self.contrasts) + 1)[1:] * _voxel_volume(spacing)


def draw_lesions(
    bone: np.ndarray,
    spacing: Sequence[float],
    *,
    count: int = 3,
    volume: tuple[float, float] = _VOLUME,
    contrast: tuple[float, float] = _CONTRAST,
    seed: int = 0,
) -> Lesions:
    """Return `count` lesions at random places: ellipsoids cut to `bone`, as large as a volume drawn at random.

    **Arguments:** `bone`: bool `(z, y, x)`; `spacing`: in mm; `volume`: from-to in cc; `contrast`: from-to, times the
    uptake of bone; `seed`: of places, volumes, shapes and contrasts. Each lesion is in one piece and touches no other.

    Raises `InputError` if no whole number of voxels has such a volume, or the bone has no room for them.
    """
    cell = _voxel_volume(spacing)
    sizes = np.arange(np.ceil(volume[0] / cell - 1e-9), np.floor(volume[1] / cell + 1e-9) + 1).astype(int)
    if count < 0:
        raise InputError(f"the number of lesions is {count}; give 0 or more.")
    if not sizes.size or sizes[0] < 1:
        limits = f"{volume[0]} to {volume[1]} cc"
        raise InputError(
            f"voxels of {cell:.3g} cc are too large for lesions of {limits}; give an image with finer ones."
        )
    rng = np.random.default_rng(seed)
    points = np.argwhere(bone)
    mask = np.zeros(bone.shape, np.int16)
    contrasts: list[float] = []
    for _ in range(count * _TRIES if len(points) else 0):
        centre, voxels = points[rng.integers(len(points))], int(rng.choice(sizes))
        axes = rng.uniform(*_AXES, size=3)
        if len(contrasts) == count or mask[tuple(centre)]:
            continue
        place = _grow(points, centre, axes / np.cbrt(axes.prod()), voxels, spacing)
        if place is not None and _free(mask, place):
            contrasts.append(float(rng.uniform(*contrast)))
            mask[tuple(place.T)] = len(contrasts)
    if len(contrasts) < count:
        raise InputError(
            f"{len(points)} voxels of bone have room for {len(contrasts)} of {count} lesions; ask for less."
        )
    return Lesions(mask, tuple(contrasts))


def _grow(
    points: np.ndarray, centre: np.ndarray, axes: np.ndarray, voxels: int, spacing: Sequence[float]
) -> np.ndarray | None:
    """Return the `voxels` of `points` that an ellipsoid around `centre` meets first.

    None if they are not near enough or not in one piece.
    """
    radius = np.cbrt(voxels * np.prod(spacing) * 3 / (4 * np.pi))
    distance = np.linalg.norm((points - centre) * spacing / axes, axis=1)
    near = np.flatnonzero(distance <= _ROOM * radius)
    place = points[near[np.argsort(distance[near], kind="stable")[:voxels]]]
    if len(place) < voxels:
        return None
    local = np.zeros(np.ptp(place, axis=0) + 1, bool)
    local[tuple((place - place.min(axis=0)).T)] = True
    return place if ndimage.label(local)[1] == 1 else None


def _free(mask: np.ndarray, place: np.ndarray) -> bool:
    """Return whether no lesion lies in or beside `place`."""
    low, high = np.maximum(place.min(axis=0) - 1, 0), place.max(axis=0) + 2
    return not mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].any()


def _voxel_volume(spacing: Sequence[float]) -> float:
    """Return the volume of a voxel in cc."""
    return float(np.prod(spacing)) / 1000

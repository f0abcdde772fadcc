"""Planes through an image, in the orientation that radiologists use."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pairreg.arrays import Image, Labels

SIDES = (("I", "S"), ("A", "P"), ("R", "L"))  # where the array axes z, y, x of an LPS image begin and end
_NAMES = ("axial", "coronal", "sagittal")  # of the planes across the array axes z, y, x


@dataclass(frozen=True)
class View:
    """A 2-D image as it is (row 0 on top), or a plane of a 3-D one.

    3-D arrays are (z, y, x) in LPS with about the identity as direction. Axial: patient right on the left, back at the
    bottom. Coronal: the same, head up. Sagittal: front on the left, head up.

    **Arguments:** `name`: "" in 2-D. `axis`, `index`: the plane, both None in 2-D. `spacing`: (row, column) in mm.
    `shape`: (rows, columns). `up`: whether rows go upwards.
    """

    name: str
    axis: int | None
    index: int | None
    spacing: tuple[float, float]
    shape: tuple[int, int]
    up: bool

    def cut(self, array: np.ndarray) -> np.ndarray:
        """Return the plane `(rows, columns, ...)` of an array `(*spatial, ...)`."""
        return array if self.axis is None or self.index is None else np.take(array, self.index, axis=self.axis)

    @property
    def size(self) -> tuple[float, float]:
        """The height and width in mm."""
        return self.shape[0] * self.spacing[0], self.shape[1] * self.spacing[1]

    @property
    def in_plane(self) -> tuple[int, int]:
        """The array axes of rows and columns."""
        rows, columns = (d for d in range(2 if self.axis is None else 3) if d != self.axis)
        return rows, columns


def views(shape: Sequence[int], spacing: Sequence[float], at: Sequence[int]) -> list[View]:
    """Return the one view of a 2-D image, or the axial, coronal and sagittal views of a 3-D one through voxel `at`."""
    if len(shape) == 2:
        return [View("", None, None, (spacing[0], spacing[1]), (shape[0], shape[1]), up=False)]
    return [_plane(axis, shape, spacing, at) for axis in range(3)]


def _plane(axis: int, shape: Sequence[int], spacing: Sequence[float], at: Sequence[int]) -> View:
    rows, columns = (d for d in range(3) if d != axis)
    step, size = (spacing[rows], spacing[columns]), (shape[rows], shape[columns])
    return View(_NAMES[axis], axis, int(at[axis]), step, size, up=axis > 0)


def informative_slices(image: Image, labels: Labels | None = None) -> tuple[int, ...]:
    """Return for each axis the slice that shows most of the labels, or without labels the middle of the edges.

    `image`, `labels`: `(*spatial,)`. A label counts by the root of its area relative to its largest slice, so that
    small structures count, too.
    """
    if labels is None or not (labels > 0).any():
        # not the slice with most edges: in CT that one shows the table or the arms
        return tuple(_middle(profile) for profile in _areas(_edges(image)))
    present = [value for value in np.unique(labels) if value > 0]
    profiles = [_areas(labels == value) for value in present]
    scores = [sum(np.sqrt(p / p.max()) for p in axis) for axis in zip(*profiles, strict=True)]
    return tuple(int(s.argmax()) for s in scores)


def _middle(profile: np.ndarray) -> int:
    """Return where half of a profile lies on either side; the centre of an empty one."""
    total = profile.cumsum(dtype=float)
    return int(np.searchsorted(total, total[-1] / 2)) if total[-1] > 0 else len(profile) // 2


def _areas(weights: np.ndarray) -> list[np.ndarray]:
    """Return the sum over each slice, for every axis."""
    return [weights.sum(axis=tuple(d for d in range(weights.ndim) if d != axis)) for axis in range(weights.ndim)]


def _edges(image: Image) -> Image:
    """Return the sum of the absolute differences along all axes."""
    return sum(abs(np.gradient(image, axis=axis)) for axis in range(image.ndim) if image.shape[axis] > 1)

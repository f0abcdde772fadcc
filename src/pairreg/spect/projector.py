"""Parallel projections with attenuation and the blur of the collimator, and their exact adjoint."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from pairreg.errors import InputError
from pairreg.spect.camera import Camera


class Projector:
    """Projects an activity `(z, y, x)` to `(views, z, bins)`; the axis of rotation is the middle of y and x.

    In every view each voxel is shared among the four nearest places of a grid that faces the detector. That keeps
    counts and centres of mass exactly; its transpose interpolates linearly. One slice stands for an object that does
    not change along z.

    **Arguments:**

    - `attenuation`: `(z, y, x)` in 1/cm.
    - `spacing`: of z, y and x in mm; the bins are as wide as the larger one of y and x.
    - `camera`: None: the default one.
    - `reach`: radius in mm that every view covers, and that has to hold all activity; None: the whole image.

    Activities in float32 are computed in float32, others in float64. Raises `InputError` if the camera would touch the
    field of view.
    """

    def __init__(
        self,
        attenuation: np.ndarray,
        spacing: Sequence[float],
        camera: Camera | None = None,
        reach: float | None = None,
    ):
        self.camera = camera or Camera()
        self.shape, self.pitch = attenuation.shape, max(spacing[1:])
        self.distance_from_axis = distance_from_axis(self.shape, spacing)
        self.reach = float(self.distance_from_axis.max()) if reach is None else reach
        # An odd number, so that the axis of rotation is in the middle of a bin.
        self.bins = 2 * int(np.ceil(self.reach / self.pitch)) + 1
        half = self.bins // 2 * self.pitch
        if half > self.camera.radius:
            raise InputError(f"the camera's radius {self.camera.radius} mm is too small; give {half:.0f} mm or more.")
        distances = self.camera.radius - half + self.pitch * np.arange(self.bins)
        bins, slices = self.bins, self.shape[0]
        across = self.camera.blur(distances, bins, self.pitch)
        self.across = np.ascontiguousarray(across.transpose(1, 0, 2)).reshape(bins, bins * bins)
        along = self.camera.blur(distances, slices, spacing[0])
        self.along = along if slices > 1 else np.ones_like(along)
        self.rotations = [self.rotation(angle, spacing) for angle in self.camera.angles]
        self.transmissions = self.transmission(np.asarray(attenuation, np.float32))

    @cached_property
    def inside(self) -> np.ndarray:
        """Whether every view covers a voxel, `(y, x)`."""
        return self.distance_from_axis <= self.reach

    def rotation(self, angle: float, spacing: Sequence[float]) -> csr_array:
        """Return the matrix that shares the voxels of a slice among the places `(depth, bin)` of the view.

        The depth nearest to the detector comes first.
        """
        y, x = (p / self.pitch for p in _positions(self.shape, spacing))
        middle = self.bins // 2
        place = np.stack(
            [middle + y * np.cos(angle) - x * np.sin(angle), middle + x * np.cos(angle) + y * np.sin(angle)]
        )
        place = place.reshape(2, -1)
        lower = np.floor(place + 1e-9).astype(int)  # where a voxel lies on a place, rounding does not share it
        share = place - lower
        rows, columns, values = [], [], []
        for step in np.ndindex(2, 2):
            target = lower + np.reshape(step, (2, 1))
            weight = np.prod(np.where(np.reshape(step, (2, 1)), share, 1 - share), axis=0)
            seen = np.flatnonzero(((target >= 0) & (target < self.bins)).all(axis=0))
            rows.append(target[0, seen] * self.bins + target[1, seen])
            columns.append(seen)
            values.append(weight[seen].astype(np.float32))
        index = (np.concatenate(rows), np.concatenate(columns))
        return csr_array((np.concatenate(values), index), shape=(self.bins**2, place.shape[1]))

    def transmission(self, attenuation: np.ndarray) -> np.ndarray:
        """Return the fraction of photons `(views, depth, bin, z)` that get out, from the middle of every place."""
        slices = _flat(attenuation)
        result = np.empty((len(self.rotations), self.bins, self.bins, self.shape[0]), np.float32)
        for rotation, target in zip(self.rotations, result, strict=True):
            weights = rotation.sum(axis=1)[:, None]
            mean = np.divide(rotation @ slices, weights, out=np.zeros_like(target).reshape(-1, self.shape[0]),
                             where=weights > 0)  # fmt: skip
            # A photon crosses all places in front of its own, and of its own half, on average.
            path = mean.reshape(target.shape) * np.float32(self.pitch / 10)
            target[:] = np.exp(path / 2 - np.cumsum(path, axis=0))
        return result

    def forward(self, activity: np.ndarray, views: slice = slice(None)) -> np.ndarray:
        """Return projections `(views, z, bins)` of `activity` `(z, y, x)`.

        Their unit is that of the activity, times the number of voxels passed.
        """
        slices = _flat(activity)
        return np.stack([self.view(slices, *parts).T for parts in self.parts(views)])

    def view(self, slices: np.ndarray, rotation: csr_array, transmission: np.ndarray) -> np.ndarray:
        """Return one projection `(bins, z)` of `(y * x, z)`."""
        leaving = (rotation @ slices).reshape(transmission.shape) * transmission
        return self.across @ (leaving @ self.along).reshape(-1, self.shape[0])

    def adjoint(self, projections: np.ndarray, views: slice = slice(None)) -> np.ndarray:
        """Return the transpose of `forward`: an image `(z, y, x)` of `projections` `(views, z, bins)`."""
        total = np.zeros((self.shape[1] * self.shape[2], self.shape[0]), projections.dtype)
        for measured, (rotation, transmission) in zip(projections, self.parts(views), strict=True):
            spread = (self.across.T @ measured.T).reshape(transmission.shape) @ self.along.transpose(0, 2, 1)
            total += rotation.T @ (spread * transmission).reshape(-1, self.shape[0])
        return np.ascontiguousarray(total.T).reshape(self.shape)

    def parts(self, views: slice) -> list[tuple[csr_array, np.ndarray]]:
        """Return the rotation and the transmission of each view."""
        return list(zip(self.rotations[views], self.transmissions[views], strict=True))


def _flat(volume: np.ndarray) -> np.ndarray:
    """Return `(z, y, x)` as `(y * x, z)`."""
    return np.ascontiguousarray(volume.reshape(len(volume), -1).T)


def _positions(shape: Sequence[int], spacing: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return y and x `(y, x)` in mm from the axis of rotation."""
    y, x = ((np.arange(n) - (n - 1) / 2) * h for n, h in zip(shape[1:], spacing[1:], strict=True))
    return tuple(np.meshgrid(y, x, indexing="ij"))


def distance_from_axis(shape: Sequence[int], spacing: Sequence[float]) -> np.ndarray:
    """Return the distance from the axis of rotation in mm, `(y, x)`."""
    return np.hypot(*_positions(shape, spacing))

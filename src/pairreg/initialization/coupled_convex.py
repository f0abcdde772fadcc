"""The best displacement of every control point from a window of candidates, smooth by coupled convex optimisation.

Arrays only. Points form a grid `(*points,)`; displacements are whole numbers of its steps within `reach` along each
axis, a window of `2 reach + 1` candidates. NumPy computes on one thread, so the bits depend on no number of them.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pairreg.arrays import Field, Image, Mask
from pairreg.metrics.jacobian import at_corner, corner_determinants

_CONSISTENCY_ITERATIONS = 15
Shift = tuple[int, ...]


class Features(NamedTuple):
    """What points are compared by: `values` `(channels, *points)`, and how much each point is known, 0 to 1."""

    values: np.ndarray
    known: Image

    def inside(self, margin: Sequence[int]) -> "Features":
        """Return the features without `margin` points on both sides of every axis."""
        middle = tuple(slice(m, n - m) for m, n in zip(margin, self.known.shape, strict=True))
        return Features(self.values[:, *middle], self.known[middle])


def matching_costs(fixed: Features, moving: Features, reach: Sequence[int]) -> np.ndarray:
    """Return the cost of every displacement of every point, `(*window, *points)`, float32.

    It is the mean squared difference of the features less that from an unrelated point, so it is 0 where nothing is
    known, and negative for a match; averaged over the 3^ndim points around. `moving` has `reach` points more than
    `fixed` on both sides of every axis.
    """
    from scipy.ndimage import uniform_filter

    unrelated = _unrelated(fixed, moving)
    costs = np.empty((*(2 * r + 1 for r in reach), *fixed.known.shape), np.float32)
    for candidate in np.ndindex(costs.shape[: len(reach)]):
        there = tuple(slice(k, k + n) for k, n in zip(candidate, fixed.known.shape, strict=True))
        difference = fixed.values - moving.values[:, *there]
        evidence = np.einsum("c...,c...->...", difference, difference) / len(difference) - unrelated
        evidence *= fixed.known * moving.known[there]
        uniform_filter(evidence, 3, costs[candidate], mode="nearest")
    return costs


def _unrelated(fixed: Features, moving: Features) -> Image:
    """Return the mean squared difference of each fixed point `(*points,)` from all moving ones."""
    axes = tuple(range(1, moving.values.ndim))
    weights = np.broadcast_to(moving.known, moving.values.shape)
    if not weights.any():
        return np.zeros(fixed.known.shape, np.float32)
    mean = np.average(moving.values, axis=axes, weights=weights, keepdims=True)
    variance = np.average((moving.values - mean) ** 2, weights=weights)
    return (((fixed.values - mean) ** 2).mean(0) + variance).astype(np.float32)


def coupled_displacements(costs: np.ndarray, thetas: Sequence[float]) -> Field:
    """Return the displacements `(ndim, *points)` in steps that are cheap and smooth.

    For each theta in turn, every point takes the candidate d of the lowest `cost + theta |d - u|²`, and u becomes the
    mean of these over the 3^ndim points around. The first u is 0, so that points without evidence stay.

    Source: Heinrich et al., WBIR 2014, LNCS 8545, doi 10.1007/978-3-319-08554-8_6.
    """
    ndim = costs.ndim // 2
    smooth = np.zeros((ndim, *costs.shape[ndim:]), np.float32)
    for theta in thetas:
        smooth = smoothed(_cheapest(costs, theta, smooth))
    return smooth


def smoothed(displacements: Field) -> Field:
    """Return the mean of `displacements` `(ndim, *points)` over the 3^ndim points around each."""
    from scipy.ndimage import uniform_filter

    return np.stack([uniform_filter(component, 3, mode="nearest") for component in displacements])


def _cheapest(costs: np.ndarray, theta: float, smooth: Field) -> Field:
    """Return the candidate `(ndim, *points)` of the lowest cost of every point, coupled to `smooth` by `theta`."""
    window, points = costs.shape[: len(smooth)], smooth.shape[1:]
    away = list(_distances(window, theta, smooth))
    lowest = np.full(points, np.inf, np.float32)
    found = np.zeros(smooth.shape, np.float32)
    for candidate in np.ndindex(window):
        score = costs[candidate] + sum(along[k] for along, k in zip(away, candidate, strict=True))
        better = score < lowest
        np.copyto(lowest, score, where=better)
        for component, k, n in zip(found, candidate, window, strict=True):
            component[better] = k - n // 2
    return found


def _distances(window: Shift, theta: float, smooth: Field) -> Iterator[np.ndarray]:
    """Yield per axis `theta` times the squared distance of each candidate from `smooth`, `(candidates, *points)`."""
    for n, component in zip(window, smooth, strict=True):
        steps = np.arange(-(n // 2), n // 2 + 1, dtype=np.float32).reshape(-1, *[1] * component.ndim)
        yield np.float32(theta) * (steps - component) ** 2


def consistent(forward: Field, backward: Field) -> Field:
    """Return `forward` made the inverse of `backward`, both `(ndim, *points)` in steps.

    Each becomes half of itself less the other where it leads, again and again, which halves what they disagree in.
    """
    for _ in range(_CONSISTENCY_ITERATIONS):
        forward, backward = (
            0.5 * (forward - _at(backward, forward)),
            0.5 * (backward - _at(forward, backward)),
        )
    return forward


def _at(field: Field, displacements: Field) -> Field:
    """Return `field` where `displacements` lead, both `(ndim, *points)` in steps, by linear interpolation."""
    from scipy.ndimage import map_coordinates

    places = np.indices(field.shape[1:], np.float32) + displacements
    return np.stack([map_coordinates(component, places, order=1, mode="nearest") for component in field])


def unfolded(displacements: Field, least: float) -> Field:
    """Return `displacements` `(ndim, *points)` in steps, smoother where a cell shrinks below `least` of its volume.

    The part that is smoothed grows by a point each time, and all of it ends at a constant, so this ends.
    """
    from scipy.ndimage import binary_dilation

    rough = np.zeros(displacements.shape[1:], bool)
    while (shrunk := _shrunk(displacements, least)).any():
        rough = binary_dilation(rough | shrunk, np.ones([3] * rough.ndim))
        displacements = np.where(rough, smoothed(displacements), displacements)
    return displacements


def _shrunk(displacements: Field, least: float) -> Mask:
    """Return the points `(*points,)` at which any determinant, by differences to their neighbours, is below `least`."""
    # an axis with one point has no differences: a copy of the point makes one
    shape = [(0, 0), *((0, int(n == 1)) for n in displacements.shape[1:])]
    field = np.moveaxis(np.pad(displacements, shape, mode="edge"), 0, -1)
    found = np.zeros(field.shape[:-1], bool)
    for corner, values in corner_determinants(field):
        found[at_corner(corner, found.shape)] |= values < least
    return found[tuple(slice(n) for n in displacements.shape[1:])]

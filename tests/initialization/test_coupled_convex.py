"""The search for displacements on arrays, against closed forms and against all sums written out."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter

from pairreg.initialization.coupled_convex import (
    Features,
    consistent,
    coupled_displacements,
    matching_costs,
    unfolded,
)
from pairreg.metrics import folds_percent

REACH = {2: (2, 3), 3: (1, 2, 1)}
POINTS = {2: (9, 8), 3: (6, 7, 5)}


def features(ndim: int, margin: tuple[int, ...], seed: int) -> Features:
    draw = np.random.default_rng(seed)
    shape = tuple(n + 2 * m for n, m in zip(POINTS[ndim], margin, strict=True))
    return Features(draw.uniform(size=(4, *shape)).astype(np.float32), draw.integers(0, 2, shape).astype(np.float32))


@pytest.mark.parametrize("ndim", [2, 3])
def test_costs_are_the_sums_written_out(ndim: int) -> None:
    fixed, moving = features(ndim, (0,) * ndim, 0), features(ndim, REACH[ndim], 1)
    costs = matching_costs(fixed, moving, REACH[ndim])
    known = moving.values[:, moving.known > 0].T.astype(float)
    for candidate in [(0,) * ndim, REACH[ndim], tuple(2 * r for r in REACH[ndim])]:
        evidence = np.zeros(POINTS[ndim])
        for point in np.ndindex(POINTS[ndim]):
            there = tuple(p + k for p, k in zip(point, candidate, strict=True))
            here = fixed.values[(slice(None), *point)]
            matched = ((here - moving.values[(slice(None), *there)]) ** 2).mean()
            unrelated = ((here - known) ** 2).mean()
            evidence[point] = fixed.known[point] * moving.known[there] * (matched - unrelated)
        np.testing.assert_allclose(costs[candidate], uniform_filter(evidence, 3, mode="nearest"), atol=1e-5)


@pytest.mark.parametrize("ndim", [2, 3])
def test_one_round_takes_the_candidate_of_lowest_cost(ndim: int) -> None:
    draw = np.random.default_rng(2)
    costs = draw.uniform(size=(*(2 * r + 1 for r in REACH[ndim]), *POINTS[ndim])).astype(np.float32)
    theta = 0.07
    window = np.indices(costs.shape[:ndim]).reshape(ndim, -1) - np.array(REACH[ndim])[:, None]
    whole = costs.reshape(-1, *POINTS[ndim]) + theta * (window**2).sum(0).reshape(-1, *[1] * ndim)
    cheapest = window[:, whole.argmin(0)].astype(float)
    mean = np.stack([uniform_filter(component, 3, mode="nearest") for component in cheapest])
    np.testing.assert_allclose(coupled_displacements(costs, [theta]), mean, atol=1e-5)


def test_a_shift_of_whole_steps_is_exact_and_reaches_where_nothing_is_known() -> None:
    values = np.random.default_rng(3).uniform(size=(4, 30, 28)).astype(np.float32)
    known = np.ones((30, 28), np.float32)
    known[12:16, 12:16] = 0
    fixed = Features(values, known).inside((4, 4))
    moving = Features(np.roll(values, (3, -2), (1, 2)), np.ones((30, 28), np.float32))
    found = coupled_displacements(matching_costs(fixed, moving, (4, 4)), [0.001, 0.003, 0.01, 0.03, 0.1, 0.3])
    np.testing.assert_allclose(found[:, 2:-2, 2:-2], np.broadcast_to([[[3.0]], [[-2.0]]], (2, 18, 16)), atol=1e-5)


def test_nothing_known_is_no_displacement() -> None:
    nothing = Features(np.ones((4, 12, 12), np.float32), np.zeros((12, 12), np.float32))
    costs = matching_costs(nothing.inside((2, 2)), nothing, (2, 2))
    assert not costs.any() and not coupled_displacements(costs, [1e-3, 1.0]).any()


def test_consistent_displacements_are_inverses() -> None:
    smooth = [gaussian_filter(np.random.default_rng(k).normal(size=(20, 20)), 4) * 20 for k in range(4)]
    one, other = np.stack(smooth[:2]), np.stack(smooth[2:])
    forward, backward = consistent(one, other), consistent(other, one)
    ends = np.indices((20, 20)) + forward
    back = forward + np.stack([map_coordinates(component, ends, order=1, mode="nearest") for component in backward])
    assert abs(one + other).mean() > 1
    assert abs(back[:, 3:-3, 3:-3]).max() < 0.03  # steps; the fields are interpolated


@pytest.mark.parametrize("shape", [(14, 12), (10, 9, 8), (1, 9, 8)])
def test_folds_are_smoothed_away_where_they_are(shape: tuple[int, ...]) -> None:
    field = np.zeros((len(shape), *shape), np.float32)
    field[(-1, *(n // 2 for n in shape))] = 3.0  # it passes its neighbour
    found = unfolded(field, 0.2)
    as_field = np.moveaxis(np.repeat(found, 2, 1) if shape[0] == 1 else found, 0, -1)
    assert folds_percent(as_field) == 0
    assert found.any() and not found[..., 0].any()
    np.testing.assert_array_equal(unfolded(found, 0.2), found)

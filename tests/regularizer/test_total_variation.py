import numpy as np
import pytest

import pairreg
from regularizer_helpers import (
    LOOPED,
    NDIMS,
    SHAPES,
    SPACINGS,
    affine,
    build,
    factors,
    noise,
    random_gradient,
    step,
    value,
    voxels,
)


@NDIMS
def test_affine_fields_cost_the_mean_norm_of_their_gradients(ndim: int) -> None:
    gradient, epsilon = random_gradient(ndim), 0.2
    field = affine(gradient, SHAPES[ndim], SPACINGS[ndim])
    expected = np.mean(np.sqrt((gradient**2).sum(axis=1) + epsilon**2) - epsilon)
    term = build("total_variation", epsilon=epsilon)
    assert value(term, field, SPACINGS[ndim]) == pytest.approx(expected, rel=1e-12)


@LOOPED
def test_loops(shape: tuple[int, ...]) -> None:
    ndim, spacing, epsilon = len(shape), SPACINGS[len(shape)], 0.001
    field, stiffness = noise(shape), factors(shape)
    u, terms = field * spacing, []
    for x in voxels(shape):
        squares, weights = np.zeros(ndim), []
        for d in range(ndim):
            start = x if x[d] + 1 < shape[d] else step(x, (d, -1))
            end = step(start, (d, 1))
            squares += ((u[end] - u[start]) / spacing[d]) ** 2
            weights.append((stiffness[start] + stiffness[end]) / 2)
        terms.append((np.sqrt(squares + epsilon**2) - epsilon).mean() * np.mean(weights))
    assert value(build("total_variation"), field, spacing, stiffness) == pytest.approx(np.mean(terms), rel=1e-12)


def test_one_jump_costs_as_much_as_the_same_rise_in_steps() -> None:
    """What sets it apart from diffusion: an edge is not more expensive than a slope."""
    jump, slope = np.zeros((2, 40, 12, 2))
    jump[20:, :, 0] = 8
    slope[..., 0] = np.clip(np.arange(40) - 16, 0, 8)[:, None]
    tv = build("total_variation", epsilon=1e-6)
    assert value(tv, jump, (1, 1)) == pytest.approx(value(tv, slope, (1, 1)), rel=1e-4)
    assert value(build("diffusion"), jump, (1, 1)) == pytest.approx(8 * value(build("diffusion"), slope, (1, 1)))


def test_epsilon_is_above_zero() -> None:
    with pytest.raises(pairreg.InputError, match="epsilon should be above 0"):
        build("total_variation", epsilon=0.0)

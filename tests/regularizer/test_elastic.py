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
    mean_over_cell_corners,
    noise,
    random_gradient,
    value,
)


def density(gradient: np.ndarray, mu: float, lam: float) -> float:
    strain = (gradient + gradient.T) / 2
    return float(mu * (strain**2).sum() + lam / 2 * np.trace(strain) ** 2)


@NDIMS
def test_affine_fields_cost_the_density_of_their_strain(ndim: int) -> None:
    gradient, spacing = random_gradient(ndim), SPACINGS[ndim]
    field = affine(gradient, SHAPES[ndim], spacing)
    for mu, lam in ((1.0, 0.0), (0.3, 2.0), (0.0, 1.0)):
        term = build("elastic", mu=mu, lam=lam)
        assert value(term, field, spacing) == pytest.approx(density(gradient, mu, lam), rel=1e-12)


def test_by_hand() -> None:
    """10 % longer along one axis: μ 0.01 + λ/2 0.01. Sheared by 10 %: two strains of 5 %, no change of volume."""
    term = build("elastic", mu=2.0, lam=3.0)
    stretch, shear = np.diag([0.1, 0]), np.array([[0, 0.1], [0, 0]])
    assert value(term, affine(stretch, (5, 6), (0.5, 2)), (0.5, 2)) == pytest.approx(0.035)
    assert value(term, affine(shear, (5, 6), (0.5, 2)), (0.5, 2)) == pytest.approx(0.01)


def test_rotations() -> None:
    """Free to first order; a real one by the angle t costs 2(μ + λ)(1 − cos t)²."""
    term, spacing = build("elastic", mu=1.5, lam=0.5), (0.5, 2.0)
    assert value(term, affine(np.array([[0, -0.3], [0.3, 0]]), (5, 6), spacing), spacing) == pytest.approx(0, abs=1e-20)
    for t in (0.02, 0.2, 1.0):
        rotation = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
        field = affine(rotation - np.eye(2), (5, 6), spacing)
        assert value(term, field, spacing) == pytest.approx(4 * (1 - np.cos(t)) ** 2, rel=1e-9)


@LOOPED
def test_loops(shape: tuple[int, ...]) -> None:
    spacing = SPACINGS[len(shape)]
    field, stiffness = noise(shape), factors(shape)
    expected = mean_over_cell_corners(lambda gradient: density(gradient, 0.7, 1.9), field, spacing, stiffness)
    term = build("elastic", mu=0.7, lam=1.9)
    assert value(term, field, spacing, stiffness) == pytest.approx(expected, rel=1e-12)


def test_one_slice_is_as_a_plane() -> None:
    plane = noise((6, 7))
    volume = np.concatenate([np.zeros((6, 7, 1)), plane], axis=-1)[None]
    expected = value(build("elastic", lam=1.0), plane, (1, 2))
    assert value(build("elastic", lam=1.0), volume, (5, 1, 2)) == pytest.approx(expected, rel=1e-12)


def test_something_has_to_resist() -> None:
    with pytest.raises(pairreg.InputError, match="mu or lam should be above 0"):
        build("elastic", mu=0.0, lam=0.0)

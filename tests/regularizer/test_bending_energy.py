import numpy as np
import pytest

from regularizer_helpers import (
    LOOPED,
    NDIMS,
    SHAPES,
    SPACINGS,
    affine,
    build,
    checkerboard,
    factors,
    noise,
    points_in_mm,
    random_gradient,
    step,
    value,
    voxels,
)


@NDIMS
def test_affine_fields_are_free(ndim: int) -> None:
    for spacing in (SPACINGS[ndim], (1.0,) * ndim):
        field = affine(random_gradient(ndim), SHAPES[ndim], spacing)
        assert value(build("bending_energy"), field, spacing) == pytest.approx(0, abs=1e-24)


@NDIMS
def test_quadratic_fields_cost_the_mean_square_of_their_curvature(ndim: int) -> None:
    """u_c = ½ xᵀ H_c x in mm: compact second differences of a quadratic are exact, whatever the spacing."""
    shape, spacing = SHAPES[ndim], SPACINGS[ndim]
    halves = np.random.default_rng(2).normal(size=(ndim, ndim, ndim))
    curvature = halves + np.swapaxes(halves, 1, 2)
    x = points_in_mm(shape, spacing)
    u = 0.5 * np.einsum("...d,cde,...e->...c", x, curvature, x)
    assert value(build("bending_energy"), u / spacing, spacing) == pytest.approx((curvature**2).mean(), rel=1e-10)


@LOOPED
def test_loops(shape: tuple[int, ...]) -> None:
    """Mixed differences over the four voxels of a face, (1, −2, 1) over three in a row, stiffness likewise."""
    ndim, spacing = len(shape), SPACINGS[len(shape)]
    field, stiffness = noise(shape), factors(shape)
    u, s, pairs = field * spacing, stiffness, []
    for d in range(ndim):
        for e in range(ndim):
            terms = []
            for x in voxels(shape):
                y, z, w = step(x, (d, 1)), step(x, (e, 1)), step(x, (d, 1), (e, 1))
                if all(a < n for a, n in zip(w, shape, strict=True)):
                    second = (u[w] - u[y] - u[z] + u[x]) / (spacing[d] * spacing[e])
                    terms.append(second**2 * (s[w] + s[y] + s[z] + s[x]) / 4)
            pairs.append(np.mean(terms) if terms else 0)  # no curvature of two voxels
    assert value(build("bending_energy"), field, spacing, stiffness) == pytest.approx(np.mean(pairs), rel=1e-12)


def test_a_checkerboard() -> None:
    """All second differences of ±1 are ±4; the sum is 432 for three components and nine pairs of them."""
    assert value(build("bending_energy"), checkerboard((6, 7, 5)), (1, 1, 1)) * 27 == pytest.approx(432)

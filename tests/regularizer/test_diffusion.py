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
    random_gradient,
    step,
    value,
    voxels,
)


@NDIMS
def test_affine_fields_cost_the_mean_square_of_their_gradient(ndim: int) -> None:
    gradient = random_gradient(ndim)
    for spacing in (SPACINGS[ndim], (1.0,) * ndim):
        field = affine(gradient, SHAPES[ndim], spacing)
        assert value(build("diffusion"), field, spacing) == pytest.approx((gradient**2).mean(), rel=1e-12)


def test_a_difference_in_voxels_is_scaled_by_both_spacings() -> None:
    field = np.zeros((5, 6, 2))
    field[..., 0] = np.arange(6)  # 1 voxel of 3 mm per voxel of 0.5 mm
    assert value(build("diffusion"), field, (3.0, 0.5)) == pytest.approx(6**2 / 4)


@LOOPED
def test_loops(shape: tuple[int, ...]) -> None:
    ndim, spacing = len(shape), SPACINGS[len(shape)]
    field, stiffness = noise(shape), factors(shape)
    u, per_direction = field * spacing, []
    for d in range(ndim):
        terms = []
        for x in voxels(shape):
            y = step(x, (d, 1))
            if y[d] < shape[d]:
                terms.append(((u[y] - u[x]) / spacing[d]) ** 2 * (stiffness[x] + stiffness[y]) / 2)
        per_direction.append(np.mean(terms))
    assert value(build("diffusion"), field, spacing, stiffness) == pytest.approx(np.mean(per_direction), rel=1e-12)


@NDIMS
def test_a_checkerboard(ndim: int) -> None:
    assert value(build("diffusion"), checkerboard(SHAPES[ndim]), (1.0,) * ndim) == pytest.approx(4)

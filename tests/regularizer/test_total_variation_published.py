import numpy as np
import pytest

from pairreg.backend import tf
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
def test_affine_fields_cost_the_mean_gradient_along_the_first_axis(ndim: int) -> None:
    gradient = random_gradient(ndim)
    field = affine(gradient, SHAPES[ndim], SPACINGS[ndim])
    expected = abs(gradient[:, 0]).mean()
    assert value(build("total_variation_published"), field, SPACINGS[ndim]) == pytest.approx(expected, rel=1e-12)


def test_the_released_computation() -> None:
    """What `tf.image.total_variation` makes of the components of a batch of one 2-D field, and the ratio of sums."""
    rows, columns = 7, 9
    field = noise((rows, columns)).astype(np.float32)
    batch = tf.constant(field)[None]
    released = sum(float(tf.reduce_sum(tf.image.total_variation(batch[..., c]))) for c in range(2))
    ours = value(build("total_variation_published"), field, (1, 1), dtype=np.float32)
    assert ours * 2 * (rows - 1) * columns == pytest.approx(released, rel=1e-5)


@NDIMS
def test_the_defect(ndim: int) -> None:
    """The other axes are free."""
    field = np.zeros((*SHAPES[ndim], ndim))
    field[:] = noise(SHAPES[ndim])[:1]
    assert value(build("total_variation_published"), field, SPACINGS[ndim]) == 0
    assert value(build("total_variation"), field, SPACINGS[ndim]) > 0.3


@LOOPED
def test_loops(shape: tuple[int, ...]) -> None:
    spacing = SPACINGS[len(shape)]
    field, stiffness = noise(shape), factors(shape)
    u, terms = field * spacing, []
    for x in voxels((shape[0] - 1, *shape[1:])):
        y = step(x, (0, 1))
        terms.append(abs(u[y] - u[x]).mean() / spacing[0] * (stiffness[x] + stiffness[y]) / 2)
    assert value(build("total_variation_published"), field, spacing, stiffness) == pytest.approx(np.mean(terms))

import numpy as np
import pytest

from pairreg.metrics import inverse_consistency
from pairreg.metrics.consistency import inverse_consistency_in_mm, inverse_consistency_mean


@pytest.mark.parametrize("shape", [(20, 18), (14, 13, 12)])
def test_the_inverse_of_an_affine_map_leads_back(shape: tuple[int, ...]) -> None:
    matrix = np.eye(len(shape)) + np.random.default_rng(0).uniform(-0.1, 0.1, (len(shape),) * 2)
    x = np.moveaxis(np.indices(shape), 0, -1)
    error = inverse_consistency(x @ matrix.T - x, x @ np.linalg.inv(matrix).T - x)
    assert np.isfinite(error).mean() > 0.5
    assert error[np.isfinite(error)] == pytest.approx(0, abs=1e-4)


def test_translations_by_hand() -> None:
    field = np.zeros((8, 8, 2), np.float32)
    field[..., 1] = 2
    error = inverse_consistency(field, np.zeros_like(field))
    assert (error[:, :6] == 2).all()
    assert np.isnan(error[:, 6:]).all()  # x + u lies beyond the last column
    assert (inverse_consistency(field, -field)[:, :6] == 0).all()
    np.testing.assert_allclose(inverse_consistency_in_mm(field, np.zeros_like(field), (1.0, 0.5)), 1)
    np.testing.assert_allclose(inverse_consistency_in_mm(field, -field, (1.0, 0.5)), 0, atol=1e-6)


def test_shapes_have_to_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        inverse_consistency(np.zeros((5, 5, 2)), np.zeros((5, 6, 2)))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [1, -1])
def test_points_on_the_outermost_voxels_are_inside(axis: int, sign: int) -> None:
    field = np.zeros((4, 5, 6, 3))
    field[..., axis] = sign
    outside = np.isnan(np.moveaxis(inverse_consistency(field, 0 * field), axis, 0)[::sign])
    assert outside[-1].all() and not outside[:-1].any()


def test_the_mean_is_over_the_points_that_stay_inside() -> None:
    field = np.zeros((8, 8, 2))
    field[:4, :, 1], field[4:, :, 1] = 2, 100
    assert inverse_consistency_mean(field, np.zeros_like(field)) == 2
    assert np.isnan(inverse_consistency_mean(field + 100, field))

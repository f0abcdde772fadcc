import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from pairreg.metrics import folds, folds_percent, jacobian_determinant, ndv_percent, sdlogj, sdlogj_l2r
from pairreg.metrics.jacobian import corner_determinants

SHAPES = {2: (9, 12), 3: (7, 8, 9)}
NDIMS = pytest.mark.parametrize("ndim", [2, 3])


def affine(matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """u with φ(x) = A x."""
    x = np.moveaxis(np.indices(shape), 0, -1)
    return (x @ np.asarray(matrix).T - x).astype(np.float32)


def noise(shape: tuple[int, ...], amplitude: float = 1.0, sigma: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = [gaussian_filter(rng.normal(size=shape), sigma) if sigma else rng.normal(size=shape) for _ in shape]
    field = np.stack(parts, axis=-1)
    return (amplitude * field / abs(field).max()).astype(np.float32)


def checkerboard(shape: tuple[int, ...], amplitude: float) -> np.ndarray:
    """Every component alternates between ±amplitude."""
    sign = (-1.0) ** np.indices(shape).sum(axis=0)
    return np.repeat(amplitude * sign[..., None], len(shape), axis=-1).astype(np.float32)


def random_matrix(ndim: int) -> np.ndarray:
    return np.eye(ndim) + np.random.default_rng(1).uniform(-0.3, 0.3, (ndim, ndim))


@NDIMS
def test_affine_fields_have_the_determinant_of_their_matrix(ndim: int) -> None:
    matrix = random_matrix(ndim)
    field = affine(matrix, SHAPES[ndim])
    assert jacobian_determinant(field) == pytest.approx(np.linalg.det(matrix), rel=1e-4)
    for _, values in corner_determinants(field):
        assert values == pytest.approx(np.linalg.det(matrix), rel=1e-4)
    assert folds_percent(field) == 0 == ndv_percent(field)
    assert sdlogj(field) == pytest.approx(0, abs=1e-5) == sdlogj_l2r(field)


@NDIMS
def test_identity(ndim: int) -> None:
    field = np.zeros((*SHAPES[ndim], ndim), np.float32)
    assert (jacobian_determinant(field) == 1).all()
    assert folds_percent(field) == 0 == ndv_percent(field)
    assert sdlogj(field) == pytest.approx(0, abs=1e-12) == sdlogj_l2r(field)


@NDIMS
def test_mirroring_folds_everything(ndim: int) -> None:
    field = affine(np.diag([-1] + [1] * (ndim - 1)), SHAPES[ndim])
    assert (jacobian_determinant(field) == -1).all()
    assert folds_percent(field) == 100 == ndv_percent(field)
    assert sdlogj(field) == pytest.approx(0, abs=1e-12)  # all of it is raised to the same small number


@NDIMS
def test_a_constant_map_flattens_everything(ndim: int) -> None:
    field = affine(np.zeros((ndim, ndim)), SHAPES[ndim])
    assert folds_percent(field) == 100
    assert ndv_percent(field) == 0


@NDIMS
def test_central_differences_do_not_see_a_checkerboard_but_folds_do(ndim: int) -> None:
    field = checkerboard(SHAPES[ndim], 0.6)
    interior = (slice(1, -1),) * ndim
    assert jacobian_determinant(field)[interior] == pytest.approx(1)
    # all differences forward, or all backward, are 1.2 or -1.2 in every entry: det = 1 ± 1.2 ndim
    assert folds(field)[interior].all()
    assert folds_percent(field) > 60
    assert ndv_percent(field) > 10
    assert folds_percent(field / 10) == 0 == ndv_percent(field / 10)


def brute_folds(field: np.ndarray) -> np.ndarray:
    """Voxel by voxel, with numpy's determinant."""
    shape, ndim = field.shape[:-1], field.shape[-1]
    position = np.moveaxis(np.indices(shape), 0, -1) + field.astype(float)
    folded = np.zeros(shape, bool)
    for x in np.ndindex(*shape):
        for signs in itertools.product((1, -1), repeat=ndim):
            neighbours = [np.add(x, s * np.eye(ndim, dtype=int)[d]) for d, s in enumerate(signs)]
            if all((0 <= n).all() and (n < shape).all() for n in neighbours):
                rows = [s * (position[tuple(n)] - position[x]) for s, n in zip(signs, neighbours, strict=True)]
                folded[x] |= np.linalg.det(rows) <= 0
    return folded


@NDIMS
def test_folds_equal_a_loop_over_voxels(ndim: int) -> None:
    field = noise(SHAPES[ndim], amplitude=1.2)
    expected = brute_folds(field)
    assert 0 < expected.mean() < 1
    assert (folds(field) == expected).all()
    mask = np.random.default_rng(2).random(SHAPES[ndim]) > 0.5
    assert folds_percent(field, mask) == pytest.approx(100 * expected[mask].mean())


@pytest.mark.parametrize(("shape", "spacing"), [((9, 12), (2.0, 0.5)), ((7, 8, 9), (2.5, 0.7, 1.3))])
def test_determinant_equals_simpleitk_on_anisotropic_voxels(shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    field = noise(shape, amplitude=2, sigma=1.5)
    image = sitk.GetImageFromArray((field * spacing)[..., ::-1].astype(np.float64), isVector=True)
    image.SetSpacing(spacing[::-1])
    expected = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(image))
    interior = (slice(1, -1),) * len(shape)  # ITK has its own rule at the border
    assert jacobian_determinant(field)[interior] == pytest.approx(expected[interior], abs=1e-4)


@NDIMS
def test_sdlogj_is_the_spread_of_log_determinants(ndim: int) -> None:
    field = noise(SHAPES[ndim], amplitude=1, sigma=1.5)
    values = jacobian_determinant(field).astype(float)
    assert (values > 0).all()
    assert sdlogj(field) == pytest.approx(np.log(values).std(), rel=1e-5)
    mask = values > np.median(values)
    assert sdlogj(field, mask) == pytest.approx(np.log(values[mask]).std(), rel=1e-5)


def test_sdlogj_has_the_closed_form_of_a_quadratic_map() -> None:
    # φ_0 = x_0 + x_0²/40: central differences give 1 + x_0/20 exactly, one-sided ones at both ends differ by 1/40
    x = np.indices((10, 6))[0]
    field = np.stack([x**2 / 40, np.zeros_like(x, float)], axis=-1)
    slope = 1 + x[:, 0] / 20
    slope[0], slope[-1] = slope[0] + 1 / 40, slope[-1] - 1 / 40
    assert sdlogj(field) == pytest.approx(np.log(slope).std())
    assert sdlogj_l2r(field) == pytest.approx(np.log(slope[2:-2] + 3).std())


def test_a_fold_weighs_in_sdlogj_and_hardly_in_that_of_learn2reg() -> None:
    field = np.zeros((20, 20, 2), np.float32)
    field[10, 10] = (4, 0)  # central differences -1 at the next voxel
    assert sdlogj(field) > 1 > 0.1 > sdlogj_l2r(field) > 0


def test_sdlogj_l2r_equals_its_definition() -> None:
    field = noise((12, 11, 10), amplitude=2, sigma=1)
    matrix = np.stack([np.gradient(field.astype(float), axis=d) for d in range(3)], axis=-1) + np.eye(3)
    shifted = np.clip(np.linalg.det(matrix)[2:-2, 2:-2, 2:-2] + 3, 1e-9, 1e9)
    mask = noise((12, 11, 10))[..., 0] > 0
    assert sdlogj_l2r(field) == pytest.approx(np.log(shifted).std(), rel=1e-4)
    assert sdlogj_l2r(field, mask) == pytest.approx(np.log(shifted[mask[2:-2, 2:-2, 2:-2]]).std(), rel=1e-4)


def test_an_empty_mask_gives_nan_and_a_full_one_changes_nothing() -> None:
    field = noise((9, 8), amplitude=1.2)
    for metric in (folds_percent, ndv_percent, sdlogj, sdlogj_l2r):
        assert np.isnan(metric(field, np.zeros((9, 8))))
        assert metric(field, np.ones((9, 8))) == metric(field)


@pytest.mark.parametrize("metric", [jacobian_determinant, folds, ndv_percent, sdlogj_l2r])
def test_what_is_no_field_is_refused_and_fields_stay_as_they_are(metric) -> None:  # type: ignore[no-untyped-def]
    for shape in ((5, 5), (5, 5, 3), (5, 5, 5, 2), (1, 5, 2), (5, 1, 2), (5, 1, 5, 3), (5, 5, 1, 3)):
        with pytest.raises(ValueError, match="field should"):
            metric(np.zeros(shape))
    field = noise((9, 8))
    before = field.copy()
    metric(field)
    assert (field == before).all()


def test_learn2reg_needs_5_voxels_along_each_axis() -> None:
    for shape in ((4, 9), (9, 4), (4, 9, 9), (9, 9, 4)):
        with pytest.raises(ValueError, match="at least 5 voxels"):
            sdlogj_l2r(np.zeros((*shape, len(shape))))
    assert sdlogj_l2r(np.zeros((5, 5, 2))) == 0


@NDIMS
def test_fields_of_whole_numbers_are_as_those_of_floats(ndim: int) -> None:
    field = np.round(noise(SHAPES[ndim], amplitude=2)).astype(int)
    for metric in (jacobian_determinant, folds, folds_percent, ndv_percent, sdlogj):
        np.testing.assert_array_equal(metric(field), metric(field.astype(float)))


@NDIMS
def test_a_plane_of_two_voxels_is_a_field(ndim: int) -> None:
    field = affine(random_matrix(ndim), (2,) * ndim).astype(float)
    assert jacobian_determinant(field) == pytest.approx(np.linalg.det(random_matrix(ndim)), rel=1e-6)

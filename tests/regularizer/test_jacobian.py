import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg.backend import tf
from pairreg.metrics import folds_percent, ndv_percent
from pairreg.metrics.jacobian import corner_determinants
from pairreg.transform.warp import warp
from regularizer_helpers import (
    LOOPED,
    NDIMS,
    SHAPES,
    SPACINGS,
    affine,
    build,
    checkerboard,
    factors,
    mean_over_cell_corners,
    noise,
    random_gradient,
    value,
    value_and_gradient,
)


@NDIMS
@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_affine_fields_cost_what_their_determinant_lacks(ndim: int, margin: float) -> None:
    for stretch in (-1.0, -0.6, 0.1, 0.5, 3.0):
        field = affine(np.diag([stretch - 1] + [0] * (ndim - 1)), SHAPES[ndim], SPACINGS[ndim])
        expected = max(0.0, margin - stretch)
        assert value(build("jacobian", margin=margin), field, SPACINGS[ndim]) == pytest.approx(expected, abs=1e-12)
    for sign in (-1, 1):
        gradient = random_gradient(ndim)
        gradient[0] *= sign
        field = affine(gradient, SHAPES[ndim], SPACINGS[ndim])
        expected = max(0.0, margin - np.linalg.det(np.eye(ndim) + gradient))
        assert value(build("jacobian", margin=margin), field, SPACINGS[ndim]) == pytest.approx(expected, abs=1e-12)


def test_the_sign_is_that_of_the_warp() -> None:
    """A field by which the warp mirrors the image costs; its opposite, which stretches, does not."""
    n = 8
    ramp = np.repeat(np.arange(n, dtype=np.float32)[:, None], 5, axis=1)
    mirror = np.stack([n - 1 - 2 * ramp, 0 * ramp], axis=-1)
    warped, _ = warp(tf.constant(ramp), tf.constant(mirror))
    assert np.array_equal(warped, ramp[::-1])
    assert value(build("jacobian"), mirror, (1, 1)) == 1
    assert value(build("jacobian"), -mirror, (1, 1)) == 0


def test_the_determinant_of_simpleitk() -> None:
    """For an affine field, where its central differences are exact, away from the border."""
    gradient, shape, spacing = np.array([[-1.8, 0.3], [0.2, 0.4]]), (9, 10), (0.7, 2.5)
    field = affine(gradient, shape, spacing)
    image = sitk.GetImageFromArray((field * spacing)[..., ::-1], isVector=True)
    image.SetSpacing(spacing[::-1])
    theirs = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(image))[4, 5]
    assert theirs < 0
    assert value(build("jacobian"), field, spacing) == pytest.approx(-theirs, rel=1e-5)


@NDIMS
def test_what_costs_is_what_the_metrics_count(ndim: int) -> None:
    for amplitude in (0.05, 0.15, 0.3, 2.0):
        field = noise((8,) * ndim, amplitude)
        ours = value(build("jacobian"), field, (1,) * ndim)
        theirs = np.mean([np.maximum(0, -values).mean() for _, values in corner_determinants(field)])
        assert ours == pytest.approx(theirs, rel=1e-12)
        assert (ours > 0) == (folds_percent(field) > 0)
        if ndim == 2:
            assert 100 * ours == pytest.approx(ndv_percent(field), rel=1e-12)


@LOOPED
def test_loops(shape: tuple[int, ...]) -> None:
    ndim, spacing = len(shape), SPACINGS[len(shape)]
    field, stiffness = noise(shape), factors(shape)
    expected = mean_over_cell_corners(
        lambda gradient: max(0.0, 0.2 - np.linalg.det(np.eye(ndim) + gradient)), field, spacing, stiffness
    )
    assert value(build("jacobian", margin=0.2), field, spacing, stiffness) == pytest.approx(expected, rel=1e-12)


@NDIMS
def test_the_spacing_does_not_matter(ndim: int) -> None:
    field = noise(SHAPES[ndim])
    assert value(build("jacobian"), field, SPACINGS[ndim]) == value(build("jacobian"), field, (1.0,) * ndim)


def test_one_voxel_passes_its_neighbour() -> None:
    """The edge between them is turned over (1 − 1.5), at both its ends and in both cells beside it."""
    for sign in (1, -1):
        field = np.zeros((7, 7, 2))
        field[3, 3, 0] = 1.5 * sign
        loss, gradient = value_and_gradient(build("jacobian"), field, (1, 1))
        assert loss == pytest.approx(4 * 0.5 / (36 * 4))
        assert gradient[3, 3, 0] * sign > 0


@NDIMS
def test_a_fold_that_forward_differences_do_not_see(ndim: int) -> None:
    fields = (noise((3,) * ndim, 0.2, seed) for seed in range(1000))
    field = next(f for f in fields if forward_determinants(f).min() > 0 and folds_percent(f) > 0)
    assert value(build("jacobian"), field, (1,) * ndim) > 0


def forward_determinants(field: np.ndarray) -> np.ndarray:
    return dict(corner_determinants(field))[(0,) * (field.ndim - 1)]


@NDIMS
def test_a_small_checkerboard_does_not_fold(ndim: int) -> None:
    assert value(build("jacobian"), checkerboard(SHAPES[ndim], 0.1), (1,) * ndim) == 0


def test_one_slice_is_as_a_plane() -> None:
    plane = noise((6, 7))
    volume = np.concatenate([np.zeros((6, 7, 1)), plane], axis=-1)[None]
    expected = value(build("jacobian"), plane, (1, 1))
    assert value(build("jacobian"), volume, (5, 1, 1)) == pytest.approx(expected, rel=1e-12)


def test_margin_is_below_one() -> None:
    with pytest.raises(pairreg.InputError, match="margin should be below 1; it is 1.0"):
        build("jacobian", margin=1.0)

import numpy as np
import pytest
import scipy.ndimage as ndi
import SimpleITK as sitk
import tensorflow as tf

from pairreg.transform.warp import usable_cells, warp


def image_and_field(shape: tuple[int, ...], amplitude: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=shape), rng.uniform(-amplitude, amplitude, size=(*shape, len(shape)))


def inside(field: np.ndarray) -> np.ndarray:
    shape = field.shape[:-1]
    x = np.indices(shape) + np.moveaxis(field, -1, 0)
    limits = np.reshape(shape, (-1,) + (1,) * len(shape)) - 1
    return ((x >= 0) & (x <= limits)).all(0)


@pytest.mark.parametrize("shape", [(9, 11), (6, 7, 8)])
def test_warp_equals_scipy(shape):
    moving, field = image_and_field(shape)
    warped, covered = warp(tf.constant(moving), tf.constant(field))
    expected = ndi.map_coordinates(moving, np.indices(shape) + np.moveaxis(field, -1, 0), order=1, mode="nearest")
    np.testing.assert_allclose(warped, expected, atol=1e-12)
    np.testing.assert_array_equal(covered, inside(field))


def test_warp_equals_simpleitk_in_physical_space():
    """Pull, array axis order, voxels: the same field in mm, x first, gives SimpleITK's image."""
    from pairreg import geometry

    moving, field = image_and_field((6, 7, 8), amplitude=1.0)
    image = sitk.GetImageFromArray(moving)
    image.SetSpacing([0.7, 1.3, 2.5])
    image.SetOrigin([-3, 5, 11])
    image.SetDirection(np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0].ravel().tolist())
    displacement = geometry.total_displacement(field, image, sitk.Transform(3, sitk.sitkIdentity))
    expected = geometry.resample(image, image, geometry.displacement_transform(displacement))
    warped, covered = warp(tf.constant(moving), tf.constant(field))
    inner = np.zeros(moving.shape, bool)
    inner[1:-1, 1:-1, 1:-1] = True  # at the border SimpleITK's rounding decides what is inside
    both = inner & covered.numpy()
    np.testing.assert_allclose(warped.numpy()[both], geometry.array(expected)[both], atol=1e-5)


@pytest.mark.parametrize("shape", [(9, 11), (6, 7, 8)])
def test_gradient_equals_finite_differences(shape):
    moving, field = image_and_field(shape)
    u = tf.Variable(field)
    weights = np.random.default_rng(2).normal(size=shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(warp(tf.constant(moving), u)[0] * weights)
    gradient = tape.gradient(loss, u).numpy()
    step = 1e-6
    fractions = (np.indices(shape) + np.moveaxis(field, -1, 0)) % 1
    smooth = np.argwhere((np.minimum(fractions, 1 - fractions) > 1e-3).all(0))  # not at a kink of the interpolation
    for index in smooth[:: len(smooth) // 20]:
        for d in range(len(shape)):
            values = []
            for sign in (1, -1):
                moved = field.copy()
                moved[(*index, d)] += sign * step
                values.append(float(tf.reduce_sum(warp(tf.constant(moving), tf.constant(moved))[0] * weights)))
            assert gradient[(*index, d)] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-6)


def test_voxels_interpolated_from_masked_ones_do_not_count():
    mask = np.ones((8, 8), bool)
    mask[4, 4] = False
    field = np.zeros((8, 8, 2))
    field[..., 1] = 0.5
    _, covered = warp(tf.zeros((8, 8), tf.float64), tf.constant(field), usable_cells(mask))
    assert not covered.numpy()[4, 3] and not covered.numpy()[4, 4]
    assert covered.numpy()[4, 2] and covered.numpy()[6, 4]


def test_a_single_slice_axis_is_no_obstacle():
    moving, field = image_and_field((1, 7, 8))
    field[..., 0] = 0
    warped, covered = warp(tf.constant(moving), tf.constant(field))
    flat, flat_covered = warp(tf.constant(moving[0]), tf.constant(field[0, ..., 1:]))
    np.testing.assert_allclose(warped[0], flat)
    np.testing.assert_array_equal(covered[0], flat_covered)

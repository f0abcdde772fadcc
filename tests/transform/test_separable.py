import numpy as np
import pytest
import tensorflow as tf

from pairreg.transform.separable import along_axes, upsample, upsample_matrix


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("sizes", [(230, 97), (40, 9)])
def test_long_axes_are_worked_on_in_blocks_of_rows(sizes):
    x = random(*sizes)
    matrices = [upsample_matrix(n, 2 * n, 2) for n in sizes]
    np.testing.assert_allclose(along_axes(tf.constant(x), matrices), matrices[0] @ x @ matrices[1].T, atol=1e-12)


def test_channels_are_carried_along():
    x = random(6, 7, 3)
    matrices = [upsample_matrix(n, 2 * n, 2) for n in x.shape[:-1]]
    together = along_axes(tf.constant(x), matrices)
    apart = np.stack([along_axes(tf.constant(x[..., c]), matrices) for c in range(3)], -1)
    np.testing.assert_allclose(together, apart, atol=1e-12)


@pytest.mark.parametrize("ratio", [2, 3, 1.5])
def test_upsampling_reproduces_a_linear_function_between_cell_centres(ratio):
    """Cell i is centred at `(i + 1/2) ratio - 1/2` fine voxels, so both grids begin at the same edge."""
    coarse = np.array([8, 10])
    centres = [(np.arange(n) + 0.5) * ratio - 0.5 for n in coarse]
    x = (centres[0][:, None] * 2 - centres[1][None, :])[..., None]
    fine = np.floor(coarse * ratio).astype(int)
    y = np.asarray(upsample(tf.constant(x), fine, [ratio] * 2))[..., 0]
    expected = np.arange(fine[0])[:, None] * 2.0 - np.arange(fine[1])[None, :]
    inner = (slice(int(ratio), -int(ratio) - 1),) * 2
    np.testing.assert_allclose(y[inner], expected[inner], atol=1e-9)


def test_upsampling_keeps_a_constant_everywhere():
    y = upsample(tf.ones((3, 4, 2)), (10, 13), (3.5, 3.5))
    np.testing.assert_allclose(y, 1, atol=1e-6)

import numpy as np
import pytest
import tensorflow as tf

from pairreg.transform.base import LevelGrid
from pairreg.transform.unet import UNet, published_network


@pytest.mark.parametrize(("ndim", "count"), [(2, 103_066), (3, 305_275)])
def test_the_published_network_has_the_published_number_of_parameters(ndim, count):
    assert published_network(ndim, width=24, depth=3, stride=1).count_params() == count


@pytest.mark.parametrize("stride", [1, 2, 8])
@pytest.mark.parametrize("shape", [(37, 50), (9, 13, 17), (3, 20, 20)])
def test_any_size_and_stride_start_from_a_field_of_zero(shape, stride):
    grid = LevelGrid(shape, (1,) * len(shape))
    weights = UNet(width=4, stride=stride).parametrize(grid, "float32")
    weights.reset(seed=0)
    image = tf.random.stateless_normal(shape, (0, 0))
    field = weights.field(image, -image)
    assert field.shape == (*shape, len(shape))
    np.testing.assert_array_equal(field, 0)


def test_the_seed_decides_the_weights():
    grid = LevelGrid((16, 16), (1, 1))
    weights = UNet(width=4).parametrize(grid, "float32")
    values = []
    for seed in (1, 1, 2):
        weights.reset(seed)
        values.append(weights.weights.numpy())
    np.testing.assert_array_equal(values[0], values[1])
    assert (values[0] != values[2]).any()


def test_a_finer_level_begins_with_the_field_of_the_coarser_one():
    coarse = UNet(width=4).parametrize(LevelGrid((8, 8), (2, 2)), "float32")
    fine = UNet(width=4).parametrize(LevelGrid((16, 16), (1, 1)), "float32")
    coarse.reset(0)
    fine.reset(0)
    coarse.base.assign(tf.ones_like(coarse.base))
    fine.carry(coarse, tf.zeros((8, 8)), tf.zeros((8, 8)))
    np.testing.assert_allclose(fine.field(tf.zeros((16, 16)), tf.zeros((16, 16))), 2)  # one coarse voxel is two fine


@pytest.mark.parametrize("stride", [3, 16])
def test_a_stride_that_the_decoder_cannot_reach_is_refused(stride):
    with pytest.raises(ValueError, match="stride should be a power of 2 up to 8"):
        UNet(stride=stride)

import numpy as np
import pytest
import tensorflow as tf

from pairreg.transform.base import LevelGrid
from pairreg.transform.displacement import Displacement


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shape", [(13, 16), (7, 8, 9)])
def test_a_translation_survives_stride_and_level(shape, stride):
    ndim = len(shape)
    coarse = Displacement(stride=stride).parametrize(LevelGrid(tuple(-(-n // 2) for n in shape), (2,) * ndim))
    fine = Displacement(stride=stride).parametrize(LevelGrid(shape, (1,) * ndim))
    coarse.reset(0)
    coarse.nodes.assign(tf.ones_like(coarse.nodes) * 1.5)
    image = tf.zeros(shape)
    np.testing.assert_allclose(coarse.field(image, image), 1.5, rtol=1e-6)
    fine.carry(coarse, coarse.field(image, image))
    np.testing.assert_allclose(fine.field(image, image), 3.0, rtol=1e-6)


def test_reset_forgets_the_last_run():
    grid = Displacement().parametrize(LevelGrid((4, 5), (1, 1)))
    grid.nodes.assign(tf.ones_like(grid.nodes))
    grid.reset(0)
    np.testing.assert_array_equal(grid.nodes, 0)

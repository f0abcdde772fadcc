import keras
import numpy as np
import pytest
import tensorflow as tf

from pairreg.transform import half_precision
from pairreg.transform.base import LevelGrid
from pairreg.transform.layers import rectify_and_normalise, upsampling_block
from pairreg.transform.unet import UNet, published_network


@pytest.mark.parametrize(("ndim", "count"), [(2, 103_066), (3, 305_275)])
def test_the_published_network_has_the_published_number_of_parameters(ndim, count):
    assert published_network(ndim, width=24, depth=3, stride=1).count_params() == count


@pytest.mark.parametrize("stride", [1, 2, 8])
@pytest.mark.parametrize("shape", [(37, 50), (9, 13, 17), (3, 20, 20)])
def test_any_size_and_stride_start_from_a_field_of_zero(shape, stride):
    grid = LevelGrid(shape, (1,) * len(shape))
    weights = UNet(width=4, stride=stride).parametrize(grid, "float32", (1.0,) * grid.ndim)
    weights.start_at_zero(seed=0)
    image = tf.random.stateless_normal(shape, (0, 0))
    field = weights.field(image, -image)
    assert field.shape == (*shape, len(shape))
    np.testing.assert_array_equal(field, 0)


def test_the_seed_decides_the_weights():
    grid = LevelGrid((16, 16), (1, 1))
    weights = UNet(width=4, stride=1).parametrize(grid, "float32", (1.0,) * grid.ndim)
    values = []
    for seed in (1, 1, 2):
        weights.start_at_zero(seed)
        values.append(weights.weights.numpy())
    np.testing.assert_array_equal(values[0], values[1])
    assert (values[0] != values[2]).any()


def test_a_finer_level_begins_with_the_field_of_the_coarser_one():
    coarse = UNet(width=4, stride=1).parametrize(LevelGrid((8, 8), (2, 2)), "float32", (1.0, 1.0))
    fine = UNet(width=4, stride=1).parametrize(LevelGrid((16, 16), (1, 1)), "float32", (1.0, 1.0))
    coarse.start_at_zero(0)
    fine.start_at_zero(0)
    coarse.base.assign(tf.ones_like(coarse.base))
    fine.continue_from(coarse, tf.zeros((8, 8)), tf.zeros((8, 8)))
    np.testing.assert_allclose(fine.field(tf.zeros((16, 16)), tf.zeros((16, 16))), 2)  # one coarse voxel is two fine


@pytest.mark.parametrize("diffeomorphic", [False, True])
@pytest.mark.parametrize("shape", [(16, 20), (8, 12, 10)])
def test_the_network_of_a_pyramid_sees_what_the_coarser_levels_have_warped(shape, diffeomorphic):
    """Where these warp the moving image onto the fixed one, it sees what it sees of a pair without any motion."""
    ndim = len(shape)
    grid, ones = LevelGrid(shape, (1,) * ndim), (1.0,) * ndim
    parts = {
        pyramid: UNet(width=4, depth=2, stride=1, diffeomorphic=diffeomorphic, pyramid=pyramid).parametrize(
            grid, "float32", ones
        )
        for pyramid in (False, True)
    }
    for part in parts.values():
        part.start_at_zero(0)
        part.weights.assign(tf.random.stateless_normal(part.weights.shape, (1, 2)))  # the head, too
        part.base.assign(tf.concat([tf.ones_like(part.base[..., :1]), tf.zeros_like(part.base[..., 1:])], -1))
    wide = tf.random.stateless_normal((shape[0] + 1, *shape[1:]), (3, 4))
    fixed, moving = wide[1:], wide[:-1]
    warped = tf.concat([moving[1:], moving[-1:]], 0)  # by one voxel along the first axis, its end repeated
    np.testing.assert_allclose(
        parts[True].vectors(fixed, moving), parts[False].vectors(fixed, warped), rtol=1e-4, atol=1e-4
    )
    assert np.abs(parts[True].vectors(fixed, moving) - parts[False].vectors(fixed, moving)).max() > 0.01


@pytest.mark.parametrize("stride", [3, 16])
def test_a_stride_that_the_decoder_cannot_reach_is_refused(stride):
    with pytest.raises(ValueError, match="stride should be a power of 2 up to 8"):
        UNet(stride=stride)


def normalization_of_keras(x):
    return keras.layers.BatchNormalization()(keras.layers.ReLU()(x), training=True)


def growth_of_keras(x):
    two_d = len(x.shape) == 4
    grow, conv = (getattr(keras.layers, f"{name}{2 if two_d else 3}D") for name in ("UpSampling", "Conv"))
    return conv(5, 3, padding="same", activation="relu")(grow(2)(x))


@pytest.mark.parametrize("shape", [(1, 12, 10, 3), (1, 6, 5, 4, 3)])
@pytest.mark.parametrize(
    ("layer", "of_keras"),
    [
        (rectify_and_normalise, normalization_of_keras),
        (lambda x: upsampling_block(x, 5, "float32"), growth_of_keras),
    ],
)
def test_our_layers_are_those_of_keras_with_their_gradients(shape, layer, of_keras):
    random = np.random.default_rng(0)
    x, inputs, found = tf.Variable(random.normal(2, 3, shape).astype(np.float32)), keras.Input(shape[1:]), []
    models = [keras.Model(inputs, make(inputs)) for make in (layer, of_keras)]
    for ours, theirs in zip(*(model.trainable_variables for model in models), strict=True):
        value = random.normal(size=ours.shape)
        ours.assign(value)
        theirs.assign(value)
    outputs = [model(x) for model in models]
    assert outputs[0].shape == outputs[1].shape
    weights = random.normal(size=outputs[0].shape).astype(np.float32)
    for model in models:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(weights * tf.nn.tanh(model(x)))
        found.append([loss, *tape.gradient(loss, [x, *model.trainable_variables])])
    for mine, plain in zip(*found, strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-3, atol=1e-4)


def rectified(x, offset):
    """That of `upsampling_block`, in either precision."""
    return tf.nn.relu(x + offset) if x.dtype == tf.float32 else half_precision.rectify(x, offset)


def rectified_normalised_by(x, scale, offset):
    inputs = keras.Input(x.shape[1:], dtype=x.dtype.name)
    layer = keras.Model(inputs, rectify_and_normalise(inputs))
    return layer.stateless_call([scale, offset], layer.non_trainable_variables, x)[0]


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16])
@pytest.mark.parametrize("shape", [(1, 24, 20, 3), (1, 7, 5, 3), (1, 8, 6, 4, 5)])
@pytest.mark.parametrize(("layer", "weights"), [(rectified, 1), (rectified_normalised_by, 2)])
def test_a_16_bit_layer_is_that_of_float32_up_to_its_rounding(shape, dtype, layer, weights):
    random, found = np.random.default_rng(0), []
    x, by_y = (tf.cast(random.normal(0.5, 2, shape), dtype) for _ in range(2))
    per_channel = [tf.constant(random.normal(1, 0.3, shape[-1]), tf.float32) for _ in range(weights)]
    for precision in (dtype, tf.float32):
        arguments = [tf.cast(x, precision), *per_channel]
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            y = layer(*arguments)
        assert y.dtype == precision
        gradients = tape.gradient(y, arguments, tf.cast(by_y, precision))
        assert [g.dtype for g in gradients] == [a.dtype for a in arguments]
        found.append([y, *gradients])
    for half, exact in zip(*found, strict=True):
        error = np.abs(tf.cast(half, tf.float32) - exact).max() / np.abs(exact).max()
        assert error < {tf.bfloat16: 2**-8, tf.float16: 2**-11}[dtype]

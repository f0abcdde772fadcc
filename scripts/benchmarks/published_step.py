"""Point 1: a step of preset=published_2d against the same graph written for Keras' `train_on_batch`."""

import functools
from typing import Any

import numpy as np

import pairreg
from benchmarks.common import Measured, interleaved, parts
from pairreg import geometry
from pairreg.backend import Tensor, configure, keras, tf
from pairreg.optimization.compiled_level import CompiledGrid
from pairreg.optimization.objective import Objective, as_inputs
from pairreg.optimizer.gradient_descent import Loop
from pairreg.transform.base import LevelGrid

STEPS = 10  # of each per turn
SIZES = ((192, 216), (384, 384))  # the bundled pair, whose 214 columns the network pads to 216, and the published grid


def measure(repeats: int) -> list[Measured]:
    configure()
    rows = []
    for shape in SIZES:
        case = f"{shape[1]}x{shape[0]}"
        fixed, moving = images(shape)
        preset, network = our_loop(fixed, moving)
        exact, _ = our_loop(fixed, moving, "precision=float32")
        models = {jit: KerasBaseline(network, fixed, moving, jit) for jit in ("auto", False)}
        first = exact.run(1)[0, 0], *(model.steps(1) for model in models.values())
        assert np.ptp(first) < 1e-4, f"the graphs differ: losses {first}"
        rounded = preset.run(1)[0, 0]  # bfloat16 where the CPU has it
        assert abs(rounded - first[0]) < 1e-2, f"the loss is {rounded} instead of {first[0]}"
        baselines = {f"jit_{jit}": functools.partial(model.steps, STEPS) for jit, model in models.items()}
        ours = {"preset": functools.partial(preset.run, STEPS), "exact": functools.partial(exact.run, STEPS)}
        times = interleaved(repeats, **ours, **baselines)
        ms = {name: 1000 * float(np.median(times[name])) / STEPS for name in times}
        fastest = min(ms[name] for name in baselines)
        rows += [
            Measured(1, case, "step of preset=published_2d", ms["preset"], "ms"),
            Measured(1, case, "step of preset=published_2d precision=float32", ms["exact"], "ms"),
            Measured(1, case, "step of train_on_batch, jit_compile=auto (Keras' default)", ms["jit_auto"], "ms"),
            Measured(1, case, "step of train_on_batch, jit_compile=False", ms["jit_False"], "ms"),
            Measured(1, case, "ratio to the faster baseline", ms["preset"] / fastest, "", "<= 0.5"),
            Measured(1, case, "the same in float32", ms["exact"] / fastest),
        ]
    return rows


def images(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two slices of the torso phantom on [0, 1]."""
    pair = pairreg.build("pair/phantom_2d", size=list(shape[::-1]), spacing=410 / shape[1], patient=True)
    ready = pairreg.build("preprocessing/minmax")(pair)
    return geometry.array(ready.fixed), geometry.array(ready.moving)


def our_loop(fixed: np.ndarray, moving: np.ndarray, *overrides: str) -> tuple[Loop, list[np.ndarray]]:
    """The loop of the preset, and the weights that it starts from."""
    chosen = parts("preset=published_2d", *overrides)
    objective = Objective(chosen["similarity"], chosen["regularizer"])
    grid = CompiledGrid(chosen["transform"], LevelGrid(fixed.shape, (1, 1)), chosen["precision"], (1.0, 1.0))
    problem = grid.level(objective)
    inputs = {"fixed": fixed, "moving": moving, "mask": np.ones(fixed.shape, bool), "stiffness": (None,)}
    inputs |= {"usable": inputs["mask"], "spacing": np.ones(2, np.float32), "before": np.zeros(2, np.int32)}
    problem.start(as_inputs(inputs | {"weights": np.array(objective.weights, np.float32)}), None, seed=0)
    weights: Any = problem.parametrization
    pieces = np.split(weights.weights.numpy(), np.cumsum(weights.sizes)[:-1])
    return Loop(chosen["optimizer"], problem), [p.reshape(s) for p, s in zip(pieces, weights.shapes, strict=True)]


class KerasBaseline:
    """Network, warp and losses as anyone would put them together, trained on the one pair."""

    def __init__(self, weights: list[np.ndarray], fixed: np.ndarray, moving: np.ndarray, jit: Any):
        network = plain_network()
        for variable, value in zip(network.trainable_variables, weights, strict=True):
            variable.assign(value)
        inputs = [keras.Input((*fixed.shape, 1)) for _ in range(2)]
        field = network(keras.layers.Concatenate()(inputs))
        warped = keras.layers.Lambda(bilinear, output_shape=(*fixed.shape, 1))([inputs[0], field])
        self.model = keras.Model(inputs, [warped, field])
        optimizer = keras.optimizers.Adam(1e-3)
        self.model.compile(optimizer, [similarity, diffusion], loss_weights=[1.0, 0.2], jit_compile=jit)
        self.x = [moving[None, ..., None], fixed[None, ..., None]]
        self.y = [self.x[1], np.zeros((1, *fixed.shape, 2), np.float32)]

    def steps(self, count: int) -> float:
        self.model.reset_metrics()
        for _ in range(count):
            value = self.model.train_on_batch(self.x, self.y)
        return float(value[0])


def plain_network() -> Any:
    """The published 2-D network of Keras' own layers."""
    layers = keras.layers

    def convolved(x: Any, channels: int = 24) -> Any:
        return layers.Conv2D(channels, 3, padding="same", activation="relu")(x)

    def normalised(x: Any) -> Any:
        return layers.BatchNormalization()(x, training=True)

    def block(x: Any) -> Any:
        return normalised(convolved(normalised(convolved(x))))

    x = images = keras.Input((None, None, 2))
    skips = [x]
    for _ in range(3):
        x = layers.MaxPooling2D()(block(x))
        skips.append(x)
    x = block(skips.pop())
    while skips:
        x = convolved(layers.UpSampling2D()(x))
        x = block(layers.Concatenate()([x, skips.pop()]))
    return keras.Model(images, layers.Conv2D(2, 1)(normalised(convolved(x, 32))))


def bilinear(arguments: list[Tensor]) -> Tensor:
    """`moving(x + u(x))`, four corners by `gather_nd`."""
    moving, field = arguments[0][0, ..., 0], arguments[1][0]
    shape = moving.shape
    grid = tf.stack(tf.meshgrid(*(tf.range(n, dtype=tf.float32) for n in shape), indexing="ij"), -1)
    at = tf.clip_by_value(grid + field, 0.0, tf.constant([n - 1.0 for n in shape]))
    low = tf.clip_by_value(tf.floor(at), 0.0, tf.constant([n - 2.0 for n in shape]))
    part, corner = at - low, tf.cast(low, tf.int32)
    value = 0.0
    for i in (0, 1):
        for j in (0, 1):
            weight = (part[..., 0] if i else 1 - part[..., 0]) * (part[..., 1] if j else 1 - part[..., 1])
            value += weight * tf.gather_nd(moving, corner + [i, j])
    return value[None, ..., None]


def similarity(fixed: Tensor, warped: Tensor) -> Tensor:
    f, w = fixed - tf.reduce_mean(fixed), warped - tf.reduce_mean(warped)
    pcc = tf.reduce_sum(f * w) / tf.sqrt(tf.reduce_sum(f * f) * tf.reduce_sum(w * w) + 1e-8)
    return 0.5 * (1 - pcc) + 0.5 * (1 - tf.reduce_mean(tf.image.ssim(fixed, warped, 1.0)))


def diffusion(zero: Tensor, field: Tensor) -> Tensor:
    del zero
    down, right = field[:, 1:] - field[:, :-1], field[:, :, 1:] - field[:, :, :-1]
    return (tf.reduce_mean(down**2) + tf.reduce_mean(right**2)) / 2

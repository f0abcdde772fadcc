"""Images, masks and gradients that the tests of the similarities share."""

import numpy as np
from scipy.ndimage import gaussian_filter

import pairreg
from pairreg.backend import tf
from pairreg.similarity.base import Similarity

Array = np.ndarray
BUILT = {name: pairreg.build(f"similarity/{name}") for name in pairreg.options("similarity")}
COMPARING = [name for name, term in BUILT.items() if isinstance(term, Similarity)]  # two images, or maps
ON_IMAGES = [name for name in COMPARING if BUILT[name].on == "image"]  # unless they are told otherwise
SHAPES = [(26, 31), (17, 15, 19)]


def texture(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Blobs of a few voxels in (0, 1), nowhere flat."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return 0.5 + 0.4 * noise / abs(noise).max()


def pair(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Two related images."""
    return texture(shape), 0.7 * texture(shape) + 0.3 * texture(shape, 1)


def some_mask(shape: tuple[int, ...]) -> Array:
    """Most of the image, with a hole and a cut corner."""
    mask = np.ones(shape, bool)
    mask[tuple(slice(0, 3) for _ in shape)] = False
    mask[..., -2:] = False
    mask[(9, 4, 4)[: len(shape)]] = False
    return mask


def value(name: str, fixed: Array, warped: Array, mask: Array | None = None, **overrides: object) -> float:
    """In the precision of `fixed`."""
    return float(pairreg.build(f"similarity/{name}", **overrides)(fixed, warped, mask))


def value_and_gradient(
    loss: Similarity, fixed: Array, warped: Array, mask: Array | None = None, dtype: type = np.float32
) -> tuple[float, Array]:
    f, w = tf.constant(fixed, dtype), tf.constant(warped, dtype)
    with tf.GradientTape() as tape:
        tape.watch(w)
        result = loss(f, w, mask)
    assert result.shape == () and result.dtype == f.dtype
    return float(result), tape.gradient(result, w).numpy()

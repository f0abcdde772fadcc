"""The fine structure of tissues, which gives a registration something to hold on to inside organs."""

import numpy as np

from pairreg.pair.phantom.block import Block

_WAVES = 48  # that are added up
_LENGTHS = (12.0, 40.0)  # mm, shortest and longest wave
_SEED = 0  # the structure belongs to the anatomy: it is the same in every pair


def texture(at: Block) -> np.ndarray:
    """Return a smooth random function of the points `(z, y, x)` with mean 0 and standard deviation 1.

    It is a sum of plane waves.
    """
    rng = np.random.default_rng(_SEED)
    directions = rng.normal(size=(_WAVES, 3))
    directions *= 2 * np.pi / (np.linalg.norm(directions, axis=1) * rng.uniform(*_LENGTHS, size=_WAVES))[:, None]
    phases = rng.uniform(0, 2 * np.pi, _WAVES)
    total = np.zeros(at.shape, np.float32)
    for (a, b, c), phase in zip(directions.astype(np.float32), phases.astype(np.float32), strict=True):
        total += np.cos(a * at.x + b * at.y + c * at.z + phase)
    return total * np.float32(np.sqrt(2 / _WAVES))

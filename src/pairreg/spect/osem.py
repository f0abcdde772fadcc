"""Reconstruction by ordered-subset expectation maximisation."""

import numpy as np

from pairreg.errors import InputError
from pairreg.spect.projector import Projector


def osem(projector: Projector, counts: np.ndarray, *, iterations: int = 4, subsets: int = 10) -> np.ndarray:
    """Return the image `(z, y, x)` whose projections are most likely to give `counts` `(views, z, bins)`.

    Hudson and Larkin (IEEE TMI 13:601, 1994). Attenuation and blur are corrected for, since the projector has them.

    Raises `InputError` without iterations, and if the views cannot be split into subsets of one size.
    """
    count = projector.camera.views
    if iterations < 1:
        raise InputError(f"OSEM has {iterations} iterations; give 1 or more.")
    if subsets < 1 or count % subsets:
        raise InputError(f"{count} views do not make {subsets} equal subsets; give a divisor of {count}.")
    chosen = [slice(first, None, subsets) for first in range(subsets)]
    sensitivities = [projector.adjoint(np.ones_like(counts[views]), views) for views in chosen]
    image = np.broadcast_to(projector.inside, projector.shape).astype(counts.dtype)
    for _ in range(iterations):
        for views, sensitivity in zip(chosen, sensitivities, strict=True):
            expected = projector.forward(image, views)
            ratio = _divide(counts[views], expected)
            image *= _divide(projector.adjoint(ratio, views), sensitivity)
    return image


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the quotient; 0 where nothing is expected, as nothing can be learnt there."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)

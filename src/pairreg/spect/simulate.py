"""The simulation of a SPECT scan, from an activity to the image reconstructed from its projections."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from pairreg.errors import InputError
from pairreg.spect.camera import FWHM, Camera
from pairreg.spect.osem import osem
from pairreg.spect.projector import Projector, distance_from_axis


def simulate(
    activity: np.ndarray,
    attenuation: np.ndarray,
    spacing: Sequence[float],
    *,
    camera: Camera | None = None,
    counts: float | None = 6e6,
    iterations: int = 4,
    subsets: int = 10,
    smoothing: float = 5.0,
    seed: int = 0,
) -> np.ndarray:
    """Return the reconstructed image `(z, y, x)`, float32, in the unit of `activity`.

    There is no scatter, dead time and decay, as if they had been corrected for.

    **Arguments:**

    - `activity`: `(z, y, x)`, per volume; `attenuation`: in 1/cm; `spacing`: of z, y, x in mm. A slice is `(1, y, x)`.
    - `camera`: None: the default one, farther away if the body needs it.
    - `counts`: detected in all views together; None: without noise. A bone scan of the trunk has some millions.
    - `iterations`, `subsets`: of OSEM; `smoothing`: FWHM in mm of the Gaussian filter after it, 0 = none.
    - `seed`: of the Poisson noise. The same seed gives the same bytes on one machine.

    Raises `InputError` for arrays that do not fit, values below 0, and an activity of 0.
    """
    _check(activity, attenuation, spacing, counts, smoothing)
    # Only what the camera can see matters: a smaller reach allows a smaller orbit, which has a better resolution.
    body = ((activity > 0) | (attenuation > 0)).any(axis=0)
    reach = float(distance_from_axis(activity.shape, spacing)[body].max())
    camera = camera or Camera(radius=max(Camera.radius, reach + max(spacing[1:])))
    projector = Projector(attenuation, spacing, camera, reach)
    expected = projector.forward(activity.astype(np.float32))
    scale = 1.0 if counts is None else counts / float(expected.sum(dtype=np.float64))
    # Noise depends on the number of counts, so it is drawn at their scale; the image is scaled back to the activity.
    measured = expected
    if counts is not None:
        measured = np.random.default_rng(seed).poisson(expected.astype(np.float64) * scale).astype(np.float32)
    image = osem(projector, measured, iterations=iterations, subsets=subsets) / np.float32(scale)
    return gaussian_filter(
        image, [smoothing / FWHM / h if n > 1 else 0 for n, h in zip(image.shape, spacing, strict=True)]
    )


def _check(
    activity: np.ndarray, attenuation: np.ndarray, spacing: Sequence[float], counts: float | None, smoothing: float
) -> None:
    """Raise `InputError` for arrays that do not fit and for values that cannot be used."""
    if activity.ndim != 3 or attenuation.shape != activity.shape or len(spacing) != 3:
        shapes = f"{activity.shape}, {attenuation.shape}"
        raise InputError(f"activity and attenuation have the shapes {shapes}; give one shape (z, y, x) and 3 spacings.")
    for name, values in (("activity", activity), ("attenuation", attenuation)):
        if not (np.isfinite(values).all() and values.min() >= 0):
            raise InputError(f"{name} has values below 0 or that are no numbers; correct it.")
    if not activity.any():
        raise InputError("the activity is 0 everywhere; nothing can be measured.")
    if counts is not None and not 0 < counts < 1e12 or not smoothing >= 0:
        raise InputError(f"counts is {counts} and smoothing {smoothing} mm; give counts above 0 and no length below 0.")

"""The look of a scan of a patient: texture, blur and noise."""

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from pairreg import geometry
from pairreg.geometry import blur

_TEXTURE, _GRAIN = 12.0, 5.0  # HU, and mm: standard deviation and size of the structure within organs
_SHARPNESS = 1.0  # mm, sigma of the scanner's point-spread function
_NOISE = 20.0  # HU, quantum noise of a voxel of about 2 mm
_THINNEST = -300.0  # HU; what is thinner, lung and air, has no texture


def as_patient(hu: sitk.Image, seed: int) -> sitk.Image:
    """Return `hu` with texture in soft tissue and bone, the blur of a scanner, and noise."""
    rng = np.random.default_rng([seed, 2])
    values = geometry.array(hu)
    spots = gaussian_filter(rng.normal(size=values.shape), [_GRAIN / h for h in geometry.spacing(hu)])
    values += (values > _THINNEST) * (_TEXTURE * spots / spots.std()).astype(np.float32)
    blurred = geometry.array(blur(geometry.image(values, hu), _SHARPNESS))
    noisy = blurred + rng.normal(scale=_NOISE, size=values.shape).astype(np.float32)
    return geometry.image(np.maximum(noisy, -1024), hu)

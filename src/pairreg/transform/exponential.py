"""The group exponential of a stationary velocity field, by scaling and squaring."""

from pairreg.arrays import FieldTensor
from pairreg.backend import compiled
from pairreg.transform.warp import interpolate

_STEPS = 7  # 2^7 compositions: a velocity of 100 voxels starts with steps below one voxel


@compiled
def exponential(velocity: FieldTensor) -> FieldTensor:
    """Return the displacement `u` with `x + u(x) = exp(v)(x)`; `velocity` v and u are `(*spatial, ndim)` in voxels.

    Beyond the border the field is held constant. The inverse is `exponential(-velocity)`.

    Source: Arsigny et al., MICCAI 2006; Ashburner, NeuroImage 38:95 (2007).
    """
    field = velocity / 2**_STEPS
    for _ in range(_STEPS):
        field = field + interpolate(field, field)  # φ∘φ for φ = x + u(x)
    return field

"""The group exponential of a stationary velocity field, by scaling and squaring."""

from collections.abc import Sequence

from pairreg.arrays import FieldTensor
from pairreg.backend import Tensor, compiled, with_gradient
from pairreg.transform.warp import interpolate, interpolation_gradient

_STEPS = 7  # 2^7 compositions: a velocity of 100 voxels starts with steps below one voxel


def _gradient(inputs: Sequence[Tensor], outputs: Sequence[Tensor], upstream: Tensor) -> list[Tensor]:
    del inputs
    return [_pulled_back(outputs[1:], upstream)]


@with_gradient("exponential", _gradient)
def exponential(velocity: FieldTensor) -> FieldTensor:
    """Return the displacement `u` with `x + u(x) = exp(v)(x)`; `velocity` v and u are `(*spatial, ndim)` in voxels.

    Beyond the border the field is held constant. The inverse is `exponential(-velocity)`.

    Source: Arsigny et al., MICCAI 2006; Ashburner, NeuroImage 38:95 (2007).
    """
    field: FieldTensor = _compositions(velocity)
    return field


@compiled
def _compositions(velocity: FieldTensor) -> tuple[FieldTensor, ...]:
    """Return the displacement, and for the derivative those that it was composed of, the smallest first."""
    field, smaller = velocity / 2**_STEPS, []
    for _ in range(_STEPS):
        smaller.append(field)
        field = field + interpolate(field, field)  # φ∘φ for φ = x + u(x)
    return field, *smaller


@compiled
def _pulled_back(fields: Sequence[FieldTensor], by_field: FieldTensor) -> FieldTensor:
    """Return the derivative by the velocity from that by the displacement."""
    for field in reversed(fields):
        by_field = by_field + interpolation_gradient(field, by_field)
    return by_field / 2**_STEPS

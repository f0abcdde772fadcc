"""Errors against a displacement that is known."""

import numpy as np

from pairreg.arrays import Field, Mask


def epe_mean(found: Field, true: Field, mask: Mask | None = None) -> float:
    """Return the mean end-point error: the distance between where two displacements lead; 0 is best.

    **Arguments:** `found`, `true`: `(*spatial, ndim)`, in one unit (mm), which the result has, too; with `mask`
    `(*spatial,)` only where it is True.

    **Raises:** `ValueError` if the shapes differ.

    Source: Baker et al., IJCV 92:1 (2011).
    """
    if found.shape != true.shape:
        raise ValueError(f"displacements should have one shape; they are {found.shape} and {true.shape}")
    error = np.linalg.norm(found - true, axis=-1)
    return float(error.mean() if mask is None else error[mask].mean())

import numpy as np

from pairreg.arrays import Field, Mask


def epe_mean(found: Field, true: Field, mask: Mask | None = None) -> float:
    """Mean end-point error: the distance between where two displacements lead, in their unit (mm); 0 is best.

    `found`, `true`: `(*spatial, ndim)`; with `mask` `(*spatial,)` only where it is True.

    **Raises:** `ValueError` if the shapes differ.

    Source: Baker et al., IJCV 92:1 (2011).
    """
    if found.shape != true.shape:
        raise ValueError(f"displacements should have one shape; they are {found.shape} and {true.shape}")
    error = np.linalg.norm(found - true, axis=-1)
    return float(error.mean() if mask is None else error[mask].mean())

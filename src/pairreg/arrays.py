"""Names for arrays and tensors that say what they hold, for signatures.

`*spatial` is the shape of a grid in array axis order: (rows, columns) or (slices, rows, columns). The names on NumPy
arrays are checked by mypy for the kind of number; the shape, and everything about tensors, is for the reader only.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.floating[Any]]
"""One number per voxel, `(*spatial,)`: an intensity, a determinant, a distance. float32 within a registration."""

Field: TypeAlias = npt.NDArray[np.floating[Any]]
"""One vector per voxel, `(*spatial, ndim)`, components in array axis order: a displacement in voxels, unless a
docstring says mm. float32 within a registration."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""Which voxels count, `(*spatial,)`; functions of `pairreg.metrics` also take numbers, of which those above 0 count."""

Labels: TypeAlias = npt.NDArray[np.integer[Any]]
"""The label of every voxel, `(*spatial,)`; 0 is the background."""

Points: TypeAlias = npt.NDArray[np.floating[Any]]
"""Points `(n, ndim)` in LPS mm, x first."""

# TensorFlow has no types that a checker could use: to mypy all tensors are the same.
ImageTensor: TypeAlias = Any
"""One floating-point number per voxel, `(*spatial,)`."""

FieldTensor: TypeAlias = Any
"""One vector per voxel or per node of a grid, `(*grid, ndim)`, components in array axis order, in voxels."""

MaskTensor: TypeAlias = Any
"""Which voxels count, `(*spatial,)`: bool, or a number that is 1 or 0."""

Scalar: TypeAlias = Any
"""A tensor of shape `()`, such as a loss."""

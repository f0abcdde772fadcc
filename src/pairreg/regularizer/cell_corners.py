"""All first derivatives of a field at one place, by compact differences.

Differences along different axes live at different places between the voxels. Where the edges of a cell (the square or
cube between neighbouring voxels) meet in a corner, though, there is one along every axis. Each of the `2**ndim` corners
of a cell has its own combination of forward and backward differences, so a term that takes the mean over all corners
sees what any of them sees: a checkerboard, or a fold on one side of a voxel only.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from pairreg.arrays import ImageTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.regularizer.base import between, differentiable_axes, forward, weighted_mean

Matrix = list[list[Tensor]]  # [direction d][component c]: ∂u_c/∂x_d of every cell, (*cells,) each


def corner_derivatives(
    u: Tensor, steps: Sequence[Tensor | float], stiffness: ImageTensor | None
) -> Iterator[tuple[Matrix, Tensor | None]]:
    """Yield at each corner of the cells their derivatives, and their stiffness.

    The stiffness is the mean over the edges that meet there; None stays None. Where an axis has one voxel only, the
    cells are that thick, and the derivatives along it are 0.
    """
    shape, axes = u.shape[:-1], differentiable_axes(u)
    edges = {d: forward(u, d) / steps[d] for d in axes}
    edge_stiffness: dict[int, Any] = {d: between(stiffness, d) for d in axes}
    nothing = [tf.zeros([max(n - 1, 1) for n in shape], u.dtype)] * len(shape)
    for corner in itertools.product(*[(0, 1) if n > 1 else (0,) for n in shape]):
        at = {d: _at_corner(corner, shape, skip=d) for d in axes}
        matrix = [tf.unstack(edges[d][at[d]], axis=-1) if d in at else nothing for d in range(len(shape))]
        if stiffness is None or not axes:
            yield matrix, stiffness
        else:
            yield matrix, tf.add_n([edge_stiffness[d][at[d]] for d in axes]) / len(axes)


def _at_corner(corner: Sequence[int], shape: Sequence[int], skip: int) -> tuple[slice, ...]:
    """Return the index that selects, for every cell, its voxel at `corner`.

    Along axis `skip` there is one value per cell already (edges), so everything is selected.
    """
    return tuple(
        slice(None) if d == skip or n == 1 else slice(k, n - 1 + k)
        for d, (k, n) in enumerate(zip(corner, shape, strict=True))
    )


def mean_over_corners(densities: Sequence[tuple[Tensor, Tensor | None]]) -> Scalar:
    """Return the mean over cells and corners of densities `(*cells,)`, each given with its stiffness."""
    return tf.add_n([weighted_mean(density, stiffness) for density, stiffness in densities]) / len(densities)

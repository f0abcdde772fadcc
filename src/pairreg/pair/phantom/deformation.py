"""A random, smooth deformation that is known everywhere."""

import math

import numpy as np
from scipy.interpolate import BSpline

from pairreg.backend.memory import lack_of_memory
from pairreg.errors import InputError

LEAST_JACOBIAN = 0.2  # below it, tissue would be squeezed into less than a fifth of its volume
_PER_CELL = 4  # samples per cell of the control grid at which size and Jacobian are looked up


class RandomDeformation:
    """A smooth deformation by cubic B-splines with normal random coefficients over a box, nearly zero at its border.

    **Arguments:** `extent` of the box and `smoothness`, the spacing of the control points, in mm (x first), `largest`
    displacement in mm, `seed`. The field depends on these only, not on the grid on which it is asked for.

    Raises `InputError` unless the Jacobian determinant is above `LEAST_JACOBIAN` everywhere.
    """

    def __init__(self, extent: tuple[float, ...], largest: float, smoothness: float, seed: int):
        self.extent, self.cells = extent, [max(3, round(length / smoothness)) for length in extent]
        values = math.prod(_PER_CELL * n for n in self.cells) * 8 * len(extent) ** 2 + 8 * max(self.cells) ** 2
        if problem := lack_of_memory(f"a deformation with smoothness {smoothness:g} mm", values / 1e9):
            raise InputError(problem)
        inner = [n - 1 for n in self.cells]  # of n + 3 coefficients; two at each end stay zero
        free = np.random.default_rng([seed, 0]).normal(size=(*inner, len(extent)))
        self.coefficients = np.pad(free, [(2, 2)] * len(extent) + [(0, 0)])
        samples = [np.linspace(0, 1, _PER_CELL * n + 1) for n in self.cells]
        self.coefficients *= largest / np.linalg.norm(self.at(samples), axis=-1).max()
        if not self.least_jacobian(samples) > LEAST_JACOBIAN:
            raise InputError(
                f"deformation {largest:g} mm with smoothness {smoothness:g} mm would nearly fold the body; "
                "give a smaller deformation or a larger smoothness."
            )

    def at(self, axes: list[np.ndarray], derivative: int | None = None) -> np.ndarray:
        """Return displacements `(*lengths, ndim)` in mm on the grid of relative positions 0 to 1 along every axis.

        **Arguments:** `derivative`: the axis along which to differentiate (mm per mm).
        """
        result = self.coefficients
        for d, (positions, cells) in enumerate(zip(axes, self.cells, strict=True)):
            order = int(d == derivative)
            basis = BSpline(np.arange(-3, cells + 4), np.eye(cells + 3), 3)(positions * cells, nu=order)
            weights = basis * (cells / self.extent[d]) ** order
            result = np.moveaxis(np.tensordot(weights, result, (1, d)), 0, d)
        return result

    def least_jacobian(self, axes: list[np.ndarray]) -> float:
        """Return the smallest determinant of I + du/dx on that grid."""
        ndim = len(self.extent)
        matrix = np.stack([self.at(axes, derivative=d) for d in range(ndim)], -1) + np.eye(ndim)
        return float(np.linalg.det(matrix).min())


def on_grid(deformation: RandomDeformation, size: tuple[int, ...]) -> np.ndarray:
    """Return the displacements of the voxel centres of a grid with `size` (x first) over the box.

    The array is `(*size[::-1], ndim)`, in mm, components x first.
    """
    values = deformation.at([(np.arange(n) + 0.5) / n for n in size])
    return values.transpose(*reversed(range(len(size))), len(size))

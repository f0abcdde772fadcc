"""Displacement fields with known derivatives, and what every test does with a regulariser."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pairreg
from pairreg.backend import tf
from pairreg.option_files import option_node
from pairreg.regularizer.base import Regularizer

OPTIONS = pairreg.options("regularizer")
PENALTIES = [name for name in OPTIONS if pairreg.build(f"regularizer/{name}").has_penalty]
SHAPES = {2: (7, 9), 3: (6, 7, 5)}
SPACINGS = {2: (0.7, 2.5), 3: (3.0, 0.7, 1.5)}
NDIMS = pytest.mark.parametrize("ndim", [2, 3])
LOOPED = pytest.mark.parametrize("shape", [*SHAPES.values(), (2, 2), (2, 5), (3, 2), (2, 2, 2), (3, 2, 4)], ids=str)


def build(name: str, **overrides: Any) -> Regularizer:
    return pairreg.build(f"regularizer/{name}", **overrides)


def settings(name: str) -> dict[str, Any]:
    return {key: value for key, value in option_node(f"regularizer/{name}").items() if key != "_target_"}


def noise(shape: tuple[int, ...], amplitude: float = 1.0, seed: int = 0) -> np.ndarray:
    """Every component of every voxel is normally distributed."""
    return amplitude * np.random.default_rng(seed).normal(size=(*shape, len(shape)))


def factors(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """A stiffness that differs from voxel to voxel."""
    return np.random.default_rng(seed).uniform(0, 3, shape)


def checkerboard(shape: tuple[int, ...], amplitude: float = 1.0) -> np.ndarray:
    """Every component alternates between ±amplitude."""
    sign = (-1.0) ** np.indices(shape).sum(axis=0)
    return np.repeat(amplitude * sign[..., None], len(shape), axis=-1)


def points_in_mm(shape: tuple[int, ...], spacing: tuple[float, ...]) -> np.ndarray:
    """Voxel centres of a grid that begins at 0, `(*spatial, ndim)`."""
    return (np.moveaxis(np.indices(shape), 0, -1) + 0.5) * spacing


def affine(gradient: np.ndarray, shape: tuple[int, ...], spacing: tuple[float, ...]) -> np.ndarray:
    """The field in voxels whose displacement in mm has `gradient[c, d] = ∂u_c/∂x_d`."""
    return points_in_mm(shape, spacing) @ np.asarray(gradient).T / spacing


def random_gradient(ndim: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(ndim, ndim))


def value(term: Regularizer, field: Any, spacing: Any, stiffness: Any = None, dtype: Any = np.float64) -> float:
    return float(scalar(term, tf.constant(field, dtype), spacing, stiffness))


def scalar(term: Regularizer, field: Any, spacing: Any, stiffness: Any = None) -> Any:
    """The penalty of the constrained field; without a penalty the mean square stands for the objective."""
    used = term.constrain(field, spacing)
    return term.penalty(used, spacing, stiffness) if term.has_penalty else tf.reduce_mean(used**2)


def value_and_gradient(
    term: Regularizer, field: Any, spacing: Any, stiffness: Any = None, dtype: Any = np.float64
) -> tuple[float, np.ndarray]:
    variable = tf.constant(field, dtype)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        loss = scalar(term, variable, spacing, stiffness)
    gradient = tape.gradient(loss, variable, unconnected_gradients="zero")
    return float(loss), np.asarray(gradient)


def voxels(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, shape))


def step(x: tuple[int, ...], *moves: tuple[int, int]) -> tuple[int, ...]:
    """The voxel `x` moved by each `(axis, voxels)`."""
    moved = list(x)
    for axis, by in moves:
        moved[axis] += by
    return tuple(moved)


def mean_over_cell_corners(
    density: Callable[[np.ndarray], float], field: np.ndarray, spacing: tuple[float, ...], stiffness: np.ndarray
) -> float:
    """`density(∇u)` with `∇u[c, d]` by the edges that meet in each corner of each cell, one by one."""
    shape, ndim, u = field.shape[:-1], field.shape[-1], field * spacing
    values = []
    for cell in voxels(tuple(n - 1 for n in shape)):
        for corner in voxels((2,) * ndim):
            x = tuple(np.add(cell, corner))
            gradient, weights = np.zeros((ndim, ndim)), []
            for d in range(ndim):
                sign = 1 - 2 * corner[d]
                y = step(x, (d, sign))
                gradient[:, d] = sign * (u[y] - u[x]) / spacing[d]
                weights.append((stiffness[x] + stiffness[y]) / 2)
            values.append(density(gradient) * np.mean(weights))
    return float(np.mean(values))

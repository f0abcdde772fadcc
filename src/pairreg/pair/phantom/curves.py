"""Shapes along curves: tubes, plates, and the tapering cross-sections of a trunk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.interpolate import PchipInterpolator

from pairreg.pair.phantom.block import Block
from pairreg.pair.phantom.shapes import Shape, Union, Vector, coordinates, super_distance


@final
@dataclass
class _Segment(Shape):
    """A straight piece of a tube with an elliptic cross-section, rounded ends included.

    **Arguments:** `start`, `end`; `radii` `(2, 2)`: at both ends, along `normal` and across it.
    """

    start: np.ndarray
    end: np.ndarray
    radii: np.ndarray
    normal: np.ndarray

    def __post_init__(self) -> None:
        reach = self.radii.max()
        ends = np.stack([self.start, self.end])
        self.box = np.stack([ends.min(0) - reach, ends.max(0) + reach])

    def distance(self, at: Block, margin: float) -> np.ndarray:
        along = self.end - self.start
        length = np.linalg.norm(along)
        tangent = along / length
        normal = self.normal - tangent * (self.normal @ tangent)
        normal /= np.linalg.norm(normal)
        t, n, b = coordinates(at, self.start, np.stack([tangent, normal, np.cross(tangent, normal)]))
        part = np.clip(t / np.float32(length), 0, 1)
        first, second = (np.asarray(r[0] + (r[1] - r[0]) * part, np.float32) for r in self.radii.T)
        beyond = t - part * np.float32(length)
        return super_distance([n, b, beyond], [first, second, np.minimum(first, second)])


def tube(
    points: Sequence[Vector] | np.ndarray, radii: Sequence[float] | np.ndarray, normals: Vector | np.ndarray = (0, 0, 1)
) -> Union:
    """Return a tube along `points` `(n, 3)`.

    **Arguments:** `radii` `(n,)`, or `(n, 2)`: along the normal and across it; `normals` `(3,)` or `(n, 3)`. Lengths in
    mm.
    """
    nodes = np.asarray(points, float)
    widths = np.asarray(radii, float)
    widths = np.stack([widths, widths], 1) if widths.ndim == 1 else widths
    across = np.broadcast_to(np.asarray(normals, float), nodes.shape)
    # a round tube has no preferred direction; one along its axis would leave it without any
    if np.ndim(radii) == 1:
        step = np.gradient(nodes, axis=0)
        across = np.eye(3)[np.argmin(np.abs(step), axis=1)]
    middle = (across[1:] + across[:-1]) / 2
    return Union([_Segment(nodes[i], nodes[i + 1], widths[i : i + 2], middle[i]) for i in range(len(nodes) - 1)])


def smooth_curve(knots: Sequence[Vector] | np.ndarray, count: int) -> np.ndarray:
    """Return `count` points `(count, d)` on the monotone cubic curve through `knots` `(n, d)`."""
    values = np.asarray(knots, float)
    result: np.ndarray = PchipInterpolator(np.linspace(0, 1, len(values)), values)(np.linspace(0, 1, count))
    return result


@final
@dataclass
class _Triangle(Shape):
    """A flat plate: all points within `thickness` / 2 of a triangle with the `corners` `(3, 3)`."""

    corners: np.ndarray
    thickness: float

    def __post_init__(self) -> None:
        reach = self.thickness / 2
        self.box = np.stack([self.corners.min(0) - reach, self.corners.max(0) + reach])

    def distance(self, at: Block, margin: float) -> np.ndarray:
        points = np.stack([at.x, at.y, at.z], -1).astype(np.float32)
        a, b, c = self.corners.astype(np.float32)
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal)
        inside = np.ones(at.shape, bool)
        edges = np.full(at.shape, np.inf, np.float32)
        for start, end in ((a, b), (b, c), (c, a)):
            along, offset = end - start, points - start
            inside &= offset @ np.cross(normal, along) >= 0
            part = np.clip(offset @ along / (along @ along), 0, 1)
            edges = np.minimum(edges, ((offset - part[..., None] * along) ** 2).sum(-1))
        plane = np.abs((points - a) @ normal)
        return np.where(inside, plane, np.sqrt(edges)) - np.float32(self.thickness / 2)


def plate(grid: np.ndarray, thickness: float, soft: float = 2.0) -> Union:
    """Return a bent plate through the points `grid` `(rows, columns, 3)`; `soft` rounds its creases (mm)."""
    halves = []
    for i, j in np.ndindex(grid.shape[0] - 1, grid.shape[1] - 1):
        a, b, c, d = grid[i, j], grid[i + 1, j], grid[i, j + 1], grid[i + 1, j + 1]
        halves += [_Triangle(np.stack([a, b, c]), thickness), _Triangle(np.stack([b, d, c]), thickness)]
    return Union(halves, soft)


@final
class Trunk(Shape):
    """A body whose superelliptic cross-sections change with height.

    **Arguments:** `sections` `(n, 4)`: z, half-width, half-depth and y of the centre (mm), from bottom to top; `power`
    of the cross-section, 2 is an ellipse. Below the first and above the last section it goes on unchanged.
    """

    def __init__(self, sections: Sequence[Vector] | np.ndarray, power: float = 2.4):
        table = np.asarray(sections, float)
        self.heights = np.arange(table[0, 0], table[-1, 0] + 1)
        self.table = PchipInterpolator(table[:, 0], table[:, 1:])(self.heights)
        self.power = power
        reach, (low, high) = (
            self.table.max(0),
            (self.table[:, 2] - self.table[:, 1], self.table[:, 2] + self.table[:, 1]),
        )
        self.box = np.array([[-reach[0], low.min(), -1e4], [reach[0], high.max(), 1e4]])

    def at(self, z: np.ndarray) -> list[np.ndarray]:
        """Return half-width, half-depth and centre at heights `z`."""
        return [np.interp(z, self.heights, column).astype(np.float32) for column in self.table.T]

    def distance(self, at: Block, margin: float) -> np.ndarray:
        if np.ptp(at.spans[2], axis=0).any():
            width, depth, centre = self.at(at.z)
        else:  # every slice has one height
            width, depth, centre = (v[:, None, None] for v in self.at(at.spans[2][0]))
        return super_distance([at.x, at.y - centre], [width, depth], self.power)

    def surface(self, z: float, angle: float, offset: float = 0.0) -> np.ndarray:
        """Return the point `(3,)` at height `z` seen from the centre at `angle`: 0 = back, pi/2 = left, pi = front.

        It lies `offset` mm outside the surface.
        """
        width, depth, centre = (float(v) for v in self.at(np.asarray(z)))
        sine, cosine = np.sin(angle), np.cos(angle)
        radius = (abs(sine / width) ** self.power + abs(cosine / depth) ** self.power) ** (-1 / self.power) + offset
        return np.array([radius * sine, centre + radius * cosine, z])

    def outward(self, z: float, angle: float) -> np.ndarray:
        """Return the horizontal normal `(3,)` of the surface at that point."""
        width, depth, _ = (float(v) for v in self.at(np.asarray(z)))
        x, y, _ = self.surface(z, angle) - [0, float(self.at(np.asarray(z))[2]), 0]
        gradient = [
            np.sign(x) * abs(x / width) ** (self.power - 1) / width,
            np.sign(y) * abs(y / depth) ** (self.power - 1) / depth,
            0,
        ]
        return np.asarray(gradient) / np.linalg.norm(gradient)

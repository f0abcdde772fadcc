"""Analytic shapes: each knows its box and the distance of points to its surface, negative inside.

Distances are in mm, exact or of first order (f / |grad f|), which is what thin shells and soft edges need.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from pairreg.pair.phantom.block import Block

_FAR = 1e3  # mm: the distance to a shape whose parts are all beyond the margin
Vector = Sequence[float] | np.ndarray
_EVERYWHERE = np.array([[-1e4] * 3, [1e4] * 3])


class Shape(ABC):
    """A set of points. `box`: lower and upper corner `(2, 3)` in mm, x first, outside of which there is none."""

    box: np.ndarray
    """Lower and upper corner `(2, 3)`, x first."""

    @abstractmethod
    def distance(self, at: Block, margin: float) -> np.ndarray:
        """Return the distance to the surface in mm, negative inside; beyond `margin` it may be too large."""


def _soft_minimum(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """Return the lower of two distances; where they differ by less than `width` mm the crease is rounded."""
    if not width:
        return np.minimum(a, b)
    mixed = np.maximum(width - np.abs(a - b), 0) / width
    return np.asarray(np.minimum(a, b) - mixed**2 * (width / 4))


@final
@dataclass
class Union(Shape):
    """All points of any part; `soft` rounds the creases between them (mm)."""

    parts: Sequence[Shape]
    soft: float = 0.0

    def __post_init__(self) -> None:
        boxes = np.stack([part.box for part in self.parts])
        self.box = np.stack([boxes[:, 0].min(0) - self.soft / 4, boxes[:, 1].max(0) + self.soft / 4])

    def distance(self, at: Block, margin: float) -> np.ndarray:
        result = np.full(at.shape, _FAR, np.float32)
        near = margin + self.soft
        for part in self.parts:
            if cut := at.crop(part.box[0] - near, part.box[1] + near):
                where, inside = cut
                result[where] = _soft_minimum(result[where], part.distance(inside, near), self.soft)
        return result


@final
@dataclass
class Common(Shape):
    """The points that all parts share."""

    parts: Sequence[Shape]
    soft: float = 0.0

    def __post_init__(self) -> None:
        boxes = np.stack([part.box for part in self.parts])
        self.box = np.stack([boxes[:, 0].max(0), boxes[:, 1].min(0)])

    def distance(self, at: Block, margin: float) -> np.ndarray:
        near = margin + self.soft
        result = self.parts[0].distance(at, near)
        for part in self.parts[1:]:
            result = -_soft_minimum(-result, -part.distance(at, near), self.soft)
        return result


@final
@dataclass
class Outside(Shape):
    """The points outside a shape."""

    shape: Shape

    def __post_init__(self) -> None:
        self.box = _EVERYWHERE

    def distance(self, at: Block, margin: float) -> np.ndarray:
        return -self.shape.distance(at, margin)


@final
@dataclass
class Dilation(Shape):
    """A shape with `by` mm more on all sides."""

    shape: Shape
    by: float

    def __post_init__(self) -> None:
        self.box = self.shape.box + np.array([[-self.by], [self.by]])

    def distance(self, at: Block, margin: float) -> np.ndarray:
        return self.shape.distance(at, margin + max(self.by, 0)) - np.float32(self.by)


@final
@dataclass
class Scaled(Shape):
    """A shape whose lengths from a point `about` are multiplied by `factor`."""

    shape: Shape
    about: Vector
    factor: float

    def __post_init__(self) -> None:
        self.box = np.asarray(self.about) + (self.shape.box - self.about) * self.factor

    def distance(self, at: Block, margin: float) -> np.ndarray:
        factor = np.float32(self.factor)
        points = (
            (p - np.float32(c)) / factor + np.float32(c) for p, c in zip((at.x, at.y, at.z), self.about, strict=True)
        )
        return factor * self.shape.distance(Block.of(*points), margin / self.factor)


def without(shape: Shape, *others: Shape, soft: float = 0.0) -> Shape:
    """Return the points of `shape` outside all `others`."""
    return Common([shape, *(Outside(other) for other in others)], soft)


@final
@dataclass
class Below(Shape):
    """The half-space `normal . p < offset`."""

    normal: Vector
    offset: float

    def __post_init__(self) -> None:
        self.box = _EVERYWHERE

    def distance(self, at: Block, margin: float) -> np.ndarray:
        a, b, c = (np.float32(n) for n in np.asarray(self.normal) / np.linalg.norm(self.normal))
        return a * at.x + b * at.y + c * at.z - np.float32(self.offset / np.linalg.norm(self.normal))


@final
@dataclass
class Ellipsoid(Shape):
    """A superellipsoid with its own axes; `power` 2 is an ellipsoid, more is boxier.

    **Arguments:** `axes`: rotation matrix whose columns are the directions of the three `radii`.
    """

    centre: Vector
    radii: Vector
    axes: np.ndarray = field(default_factory=lambda: np.eye(3))
    power: float = 2.0

    def __post_init__(self) -> None:
        reach = np.abs(self.axes) @ np.asarray(self.radii)
        self.box = np.asarray(self.centre) + np.stack([-reach, reach])

    def distance(self, at: Block, margin: float) -> np.ndarray:
        return super_distance(coordinates(at, self.centre, self.axes.T), list(self.radii), self.power)


def coordinates(at: Block, origin: Vector, directions: np.ndarray) -> list[np.ndarray]:
    """Return the coordinates of points along unit vectors `(n, 3)` from an origin."""
    x, y, z = (p - np.float32(c) for p, c in zip((at.x, at.y, at.z), origin, strict=True))
    return [a * x + b * y + c * z for a, b, c in directions.astype(np.float32)]


def super_distance(local: Sequence[np.ndarray], radii: Sequence[float | np.ndarray], power: float = 2.0) -> np.ndarray:
    """Return (f - 1) / |grad f| of f = (sum |q / r|^power)^(1/power), the distance to first order."""
    scaled = [np.abs(q) / r for q, r in zip(local, radii, strict=True)]
    if power == 2:
        level = np.sqrt(sum(s * s for s in scaled)) + 1e-6
        slope = np.sqrt(sum((s / r) ** 2 for s, r in zip(scaled, radii, strict=True))) / level
    else:
        level = sum(s**power for s in scaled) ** np.float32(1 / power) + 1e-6
        slopes = (((s / level) ** (power - 1) / r) ** 2 for s, r in zip(scaled, radii, strict=True))
        slope = np.sqrt(sum(slopes))
    return np.asarray((level - 1) / (slope + 1e-6), np.float32)

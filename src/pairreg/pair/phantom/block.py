"""Points at which shapes are evaluated, and boxes cut out of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Slices = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Block:
    """Points `x`, `y`, `z` of the phantom in LPS mm, each of the array shape `(z, y, x)`.

    `spans[d]` holds the lowest and highest coordinate `d` of every slice across array axis `2 - d`, so that a box is
    cut out without looking at the points again: also when they are deformed.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    spans: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> "Block":
        """Return the block of points with these coordinates, each `(z, y, x)`."""
        across = ((0, 1), (0, 2), (1, 2))
        spans = [np.stack([p.min(axis), p.max(axis)]) for p, axis in zip((x, y, z), across, strict=True)]
        return cls(x, y, z, (spans[0], spans[1], spans[2]))

    @property
    def shape(self) -> tuple[int, ...]:
        """The array shape of the points, `(z, y, x)`."""
        return self.x.shape

    def crop(self, lower: Sequence[float], upper: Sequence[float]) -> tuple[Slices, "Block"] | None:
        """Return where the points between two corners lie, and a block that has them all; None if there are none.

        The corners are in mm, x first.
        """
        found = []
        for span, low, high in zip(self.spans, lower, upper, strict=True):
            inside = np.flatnonzero((span[1] >= low) & (span[0] <= high))
            if not inside.size:
                return None
            found.append(slice(int(inside[0]), int(inside[-1]) + 1))
        i, j, k = found
        spans = (self.spans[0][:, i], self.spans[1][:, j], self.spans[2][:, k])
        where = (k, j, i)
        return where, Block(self.x[where], self.y[where], self.z[where], spans)

"""The vertebrae, the discs and the spinal canal."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from pairreg.pair.phantom.curves import tube
from pairreg.pair.phantom.shapes import Below, Common, Ellipsoid, Shape, Union

# y of the centre of the vertebral bodies over z: lordosis of the loins and the neck, kyphosis of the chest
_CURVE = [(-10, 42), (20, 32), (80, 22), (150, 24), (210, 34), (270, 43), (330, 47), (380, 45), (430, 36), (470, 27),
         (520, 16), (600, 10)]  # fmt: skip
# heights of vertebrae with their discs, from below
_LUMBAR = {"L5": 36, "L4": 37, "L3": 37, "L2": 36, "L1": 35}
_THORACIC = dict(
    zip([f"T{i}" for i in range(12, 0, -1)], (31, 28, 26, 25, 24, 24, 23, 23, 22, 21, 21, 20), strict=True)
)
_CERVICAL = {"C7": 18, "C6": 17, "C5": 17, "C4": 17, "C3": 17}
_HEIGHTS = _LUMBAR | _THORACIC | _CERVICAL
centre_y = PchipInterpolator(*np.array(_CURVE, float).T)


@dataclass(frozen=True)
class Vertebra:
    """A vertebra with the disc below it; lengths in mm.

    **Attributes:** `z`: middle of body and disc; `height` of both; `half_width`, `half_depth` of the body.
    """

    name: str
    z: float
    height: float
    half_width: float
    half_depth: float

    @property
    def disc(self) -> float:
        """The height of the disc below."""
        return {"L": 9.0, "T": 5.0, "C": 5.0}[self.name[0]]

    @property
    def axes(self) -> np.ndarray:
        """The directions to the left, to the back and upward, as the spine is tilted here, in columns."""
        slope = float(centre_y(self.z, 1))
        up = np.array([0, slope, 1]) / np.hypot(slope, 1)
        return np.stack([np.array([1.0, 0, 0]), np.array([0, up[2], -up[1]]), up], 1)

    def point(self, left: float, back: float, up: float) -> np.ndarray:
        """Return a point `(3,)` given from the centre of the body (mm)."""
        return np.array([0, float(centre_y(self.z)), self.z]) + self.axes @ [left, back, up]

    @property
    def canal_back(self) -> float:
        """The distance from the centre of the body to the middle of the spinal canal."""
        return self.half_depth + 8.5


def vertebrae() -> list[Vertebra]:
    """Return the vertebrae from L5 up to C3."""
    heights = np.array(list(_HEIGHTS.values()), float)
    middles = np.cumsum(heights) - heights / 2
    widths = np.interp(middles, [20, 180, 330, 450, 500], [25, 20.5, 15.5, 15, 13])
    depths = np.interp(middles, [20, 180, 330, 450, 500], [17.5, 16, 14.5, 10, 8.5])
    return [Vertebra(*values) for values in zip(_HEIGHTS, middles, heights, widths, depths, strict=True)]


def _cylinder(v: Vertebra, half_width: float, half_depth: float, low: float, high: float, soft: float) -> Shape:
    """Return an elliptic cylinder on the axis of the bodies between two heights from the middle of `v`."""
    up, middle = v.axes[:, 2], v.point(0, 0, 0)
    barrel = Ellipsoid(v.point(0, 0, (low + high) / 2), (half_width, half_depth, 3 * (high - low)), v.axes)
    ends = [Below(up, up @ middle + high), Below(-up, -(up @ middle) - low)]
    return Common([barrel, *ends], soft)


def _body(v: Vertebra) -> Shape:
    return _cylinder(v, v.half_width, v.half_depth, v.disc - v.height / 2, v.height / 2, soft=3)


def _disc(v: Vertebra) -> Shape:
    return _cylinder(v, v.half_width - 0.5, v.half_depth - 0.5, -v.height / 2, v.disc - v.height / 2, soft=1)


def _arch(v: Vertebra) -> list[Shape]:
    """Return the ring around the canal, and the spinous and transverse processes."""
    back, part = v.canal_back, v.name[0]
    ring = Ellipsoid(v.point(0, back, v.disc / 2), (14.5, 12.5, 0.42 * v.height), v.axes, power=2.7)
    tip = {"L": (0, back + 34, -6), "T": (0, back + 34, -20), "C": (0, back + 30, -10)}[part]
    flat = np.array([[3.5, 9 if part == "L" else 5]] * 2)
    spinous = tube([v.point(0, back + 9, 0), v.point(*tip)], flat, (1, 0, 0))
    left, behind, up = {"L": (45, back - 4, 2), "T": (36.5, back + 14, 4), "C": (25, back - 8, 0)}[part]
    wings = [tube([v.point(s * 11, back, 2), v.point(s * left, behind, up)], [6.0, 4.0]) for s in (-1, 1)]
    pedicles = [tube([v.point(s * 12, back - 14, 4), v.point(s * 12, back, 4)], [4.5, 4.5]) for s in (-1, 1)]
    return [ring, spinous, *wings, *pedicles]


def canal() -> Shape:
    """Return the spinal canal, from the sacrum into the neck."""
    nodes = [v.point(0, v.canal_back, 0) for v in vertebrae()]
    low = nodes[0] + [0, 14, -45]
    return tube([low, *nodes], np.array([[8.0, 6.0], *[[9.5, 7.5]] * len(nodes)]), (1, 0, 0))


def spine() -> Shape:
    """Return all vertebrae."""
    return Union([Union([_body(v), *_arch(v)], soft=3) for v in vertebrae()])


def discs() -> Shape:
    """Return all discs."""
    return Union([_disc(v) for v in vertebrae()])


def beside() -> Shape:
    """Return the bulge of spine and back muscles into the chest, around which the lungs lie."""
    nodes = [v.point(0, v.half_depth + 12, 0) for v in vertebrae()]
    return tube(nodes, np.array([[27.0, 33.0]] * len(nodes)), (1, 0, 0))

"""The ribs, their cartilage, and the sternum."""

import numpy as np

from pairreg.pair.phantom.curves import Trunk, smooth_curve, tube
from pairreg.pair.phantom.shapes import Shape, Union
from pairreg.pair.phantom.spine import Vertebra, vertebrae

# rib 1 to 12: how far it falls from the spine to its front end (mm), and where that is (degrees, 180 = front)
_DROP = (34, 56, 70, 82, 92, 100, 106, 106, 100, 92, 62, 40)
_END = (148, 148, 147, 146, 144, 141, 137, 130, 121, 111, 88, 64)
_STERNUM = [(440, 28), (425, 27), (395, 17), (340, 16), (300, 18), (278, 10), (258, 6)]  # z, half-width
_OUTWARD = 5.0  # from the cavity to the middle of a rib


def thoracic() -> list[Vertebra]:
    """Return T1 to T12."""
    return [v for v in reversed(vertebrae()) if v.name[0] == "T"]


def _rib(number: int, side: int, cage: Trunk) -> tuple[Shape, np.ndarray]:
    """Return rib 1 to 12 of a `side` (-1 right, 1 left), and its front end `(3,)`."""
    v = thoracic()[number - 1]
    head = v.point(side * (v.half_width + 4), v.half_depth - 3, v.height / 2)
    neck = v.point(side * 34, v.canal_back + 12, v.height / 2 - 3)
    first, last = np.radians(36 if number > 1 else 50), np.radians(_END[number - 1])
    angles = np.linspace(first, last, max(6, int(28 * (last - first))))
    part = (angles - first) / (last - first)
    start = neck[2] - 3
    heights = start - (_DROP[number - 1] - 6) * part**1.25
    nodes = [cage.surface(z, side * a, _OUTWARD) for z, a in zip(heights, angles, strict=True)]
    normals = [cage.outward(z, side * a) for z, a in zip(heights, angles, strict=True)]
    sizes = np.interp(np.arange(len(nodes) + 2), [0, 2, len(nodes) + 1], [4.5, 6.2, 6.2])
    radii = np.stack([np.full(len(sizes), 3.8), sizes], 1)
    up = np.array([0.0, 1.0, 0.0])
    return tube([head, neck, *nodes], radii, np.stack([up, up, *normals])), nodes[-1]


def ribs(cage: Trunk) -> Shape:
    """Return all ribs."""
    return Union([_rib(number, side, cage)[0] for number in range(1, 13) for side in (-1, 1)])


def _sternum_point(z: float, cage: Trunk) -> np.ndarray:
    return cage.surface(z, np.pi, 6.0)


def sternum(cage: Trunk) -> Shape:
    """Return the sternum."""
    nodes = smooth_curve([[*_sternum_point(z, cage), width] for z, width in _STERNUM], 24)
    return tube(nodes[:, :3], np.stack([np.full(len(nodes), 5.0), nodes[:, 3]], 1), (0, 1, 0))


def cartilage(cage: Trunk) -> Shape:
    """Return the cartilage from ribs 1 to 7 to the sternum, and from ribs 8 to 10 to the cartilage above."""
    joints = np.interp(range(7), [0, 1, 6], [424, 395, 282])
    parts: list[Shape] = []
    for side in (-1, 1):
        ends = [_rib(number, side, cage)[1] for number in range(1, 11)]
        for number, end in enumerate(ends, 1):
            target = _sternum_point(joints[number - 1], cage) + [side * 14, 0, 0] if number <= 7 else ends[number - 2]
            parts.append(_bridge(end, target, cage))
    return Union(parts, soft=3)


def _bridge(start: np.ndarray, end: np.ndarray, cage: Trunk) -> Shape:
    """Return a band of cartilage on the cage between two points."""
    straight = start + np.linspace(0, 1, 7)[:, None] * (end - start)
    straight[:, 2] -= 14 * np.sin(np.pi * np.linspace(0, 1, 7)) * (np.hypot(*(end - start)[:2]) > 25)
    centres = [float(cage.at(np.asarray(z))[2]) for z in straight[:, 2]]
    angles = np.arctan2(straight[:, 0], straight[:, 1] - centres)
    nodes = [start, *(cage.surface(z, a, _OUTWARD) for z, a in zip(straight[1:-1, 2], angles[1:-1], strict=True)), end]
    normals = np.stack([cage.outward(z, a) for z, a in zip(straight[:, 2], angles, strict=True)])
    return tube(nodes, np.array([[4.0, 6.0]] * len(nodes)), normals)

"""The organs of chest, abdomen and pelvis. `scale` enlarges an organ about its own centre."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.spatial.transform import Rotation

from pairreg.pair.phantom.curves import Trunk, smooth_curve, tube
from pairreg.pair.phantom.shapes import (
    Below,
    Common,
    Dilation,
    Ellipsoid,
    Outside,
    Scaled,
    Shape,
    Union,
    Vector,
    without,
)
from pairreg.pair.phantom.spine import beside, centre_y


def _rotation(x: float = 0, y: float = 0, z: float = 0) -> np.ndarray:
    """Return the rotation matrix of angles about the axes in degrees."""
    return Rotation.from_euler("xyz", [x, y, z], degrees=True).as_matrix()


def _domes(rise: float = 0.0) -> Shape:
    """Return what lies under the diaphragm: the right dome is higher. `rise` moves its surface outward (mm)."""
    right = Ellipsoid((-62, -22, 160), (67, 86, 101), power=2.2)
    left = Ellipsoid((62, -16, 152), (67, 84, 88), power=2.2)
    middle = Ellipsoid((0, -36, 150), (62, 70, 84))
    return Dilation(Union([right, left, middle], soft=30), rise)


def heart(scale: float) -> Shape:
    """Return the heart: its long axis points to the left, front and below, and it lies on the diaphragm."""
    ventricles = Ellipsoid((30, -44, 284), np.multiply((66, 45, 48), scale), _rotation(y=24, z=-32))
    atria = Ellipsoid((2, -14, 302), np.multiply((42, 36, 44), scale))
    return without(Union([ventricles, atria], soft=20), _domes(4), soft=6)


def aorta() -> Shape:
    """Return the aorta: up from the heart, over the arch, and down along the spine to L4."""
    down = [(16.0, float(centre_y(z)) - 29, z) for z in range(370, 60, -30)]
    knots = smooth_curve([(2, -24, 320), (-6, -30, 365), (2, -16, 396), (14, 6, 400), *down], 48)
    return tube(knots, np.linspace(14, 9, 48))


def trachea() -> Shape:
    """Return the trachea with the main bronchi."""
    fork = (0, 4, 376)
    bronchi = [tube([fork, (s * 38, 10, 350 + 6 * (s > 0))], [7.0, 5.5]) for s in (-1, 1)]
    return Union([tube([(0, -20, 600), (0, -14, 470), fork], [8.5, 8.5, 8.5]), *bronchi])


def _mediastinum(scale: float) -> Shape:
    """Return what keeps the lungs apart: heart, great vessels, spine."""
    sizes = np.array([[24, 30], [30, 50], [34, 56], [40, 62], [42, 68], [42, 68]], float)
    middle = tube([(0, 12, 470), (0, 2, 405), (2, -6, 365), (2, -4, 320), (2, 4, 260), (2, 10, 150)], sizes, (1, 0, 0))
    septum = Ellipsoid((2, -60, 350), (5, 60, 100))
    fat_pad = Ellipsoid((12, -78, 254), (54, 44, 44))
    return Union([Dilation(heart(scale), 4), middle, septum, fat_pad, beside()], soft=8)


def lung(side: int, chest: Shape, scale: float, size: float = 1.0) -> Shape:
    """Return a lung: what is left of the chest above the diaphragm; it reaches lowest at the back.

    **Arguments:** `size`: below 1 the lung has collapsed upwards to that part of its lengths.
    """
    recess = Below((0, -0.45, -1), -196)
    half = Below((-side, 0, 0), 0)
    whole = Common([chest, Outside(_domes()), Outside(_mediastinum(scale)), recess, half], soft=4)
    return Scaled(whole, (side * 75.0, 10.0, 425.0), size) if size < 1 else whole


def lung_vessels(cage: Trunk, lungs: Sequence[Shape]) -> Shape:
    """Return arteries and veins that fan out from both hila."""
    branches: list[Shape] = []
    for side, (z, angle) in product((-1, 1), product((215, 265, 310, 355, 395, 430), (42, 72, 100, 128, 150))):
        hilum = np.array([side * 30.0, 6, 345])
        end = cage.surface(z, side * np.radians(angle + 7 * np.sin(z)), -14.0)
        bend = hilum + 0.5 * (end - hilum) + [side * 8 * np.sin(angle), 8 * np.sin(z), 7 * np.cos(z + angle)]
        branches.append(tube(smooth_curve([hilum, bend, end], 8), np.linspace(3.6, 0.9, 8)))
    return Common([Union(branches), Union(lungs)])


def liver(chest: Shape, scale: float) -> Shape:
    """Return the liver: a wedge under the right dome, thinning out to the left in front of the stomach."""
    under = Ellipsoid((52, -6, 95 - 110 * (scale - 1)), (122, 112, 96))
    tip = Below((0.3, 0, -1), -128 + 110 * (scale - 1))
    front = Below(*_plane((1, 0.8, 0.1), (28 + 60 * (scale - 1), -22, 200)))
    back = Below((0, 1, -0.5), -35)
    space = Common([_domes(-3), Dilation(chest, -3), tip, front, back], soft=10)
    return without(space, under, Dilation(kidney(-1, scale), 4), beside(), soft=10)


def _plane(normal: Vector, through: Vector) -> tuple[Vector, float]:
    return normal, float(np.dot(normal, through))


def stomach(scale: float) -> Shape:
    """Return the stomach: J-shaped, from the fundus under the left dome to the pylorus."""
    knots = smooth_curve(
        [(52, 8, 212), (64, -12, 180), (62, -36, 146), (34, -52, 122), (4, -50, 126), (-14, -40, 134)], 14
    )
    radii = np.interp(np.arange(14), [0, 4, 9, 13], [33, 31, 22, 12]) * scale
    return Common([tube(knots, radii), _domes(-4)], soft=8)


def spleen(chest: Shape, scale: float) -> Shape:
    """Return the spleen: left and far back, hollowed by the stomach and the kidney."""
    whole = Ellipsoid((90, 26, 186), np.multiply((34, 50, 56), scale), _rotation(x=-20, z=22))
    inside = Common([whole, _domes(-4), Dilation(chest, -4)], soft=6)
    return without(inside, Dilation(stomach(scale), 4), Dilation(kidney(1, scale), 4), soft=6)


def kidney(side: int, scale: float) -> Shape:
    """Return a kidney: a bean with the hilum towards the spine and the front; the right one is lower."""
    centre = np.array([side * 61, 29, 112 if side < 0 else 124])
    axes = _rotation(x=12, y=side * 12, z=side * -35)
    bean = Ellipsoid(centre, np.multiply((29, 24, 56), scale), axes)
    hilum = Ellipsoid(centre - axes @ [side * 27.0 * scale, 0, 0], np.multiply((19, 11, 17), scale), axes)
    return without(bean, hilum, soft=8)


def bladder(scale: float) -> Shape:
    """Return the bladder."""
    return Ellipsoid((0, -24, -92), np.multiply((41, 33, 32), scale))


def psoas() -> Shape:
    """Return the muscles beside the loins, down to the hips."""
    knots = [(30, 22, 150), (38, 26, 90), (46, 26, 30), (62, 2, -30), (86, -30, -95)]
    return Union([tube([(s * x, y, z) for x, y, z in knots], [9.0, 17.0, 22.0, 21.0, 16.0]) for s in (-1, 1)])

"""The shoulder girdle, the pelvis and the femurs."""

import numpy as np

from pairreg.pair.phantom.curves import Trunk, plate, smooth_curve, tube
from pairreg.pair.phantom.shapes import Below, Ellipsoid, Shape, Union, without

_SIDES = (-1, 1)
_HIP = np.array([89.0, 2.0, -100.0])  # centre of the left femoral head
_SHOULDER = np.array([152.0, 24.0, 420.0])  # centre of the left humeral head


def _mirror(point: np.ndarray | tuple[float, ...], side: int) -> np.ndarray:
    return np.asarray(point, float) * [side, 1, 1]


def scapulae(cage: Trunk) -> Shape:
    """Return both scapulae."""
    return Union([_scapula(side, cage) for side in _SIDES])


def _scapula(side: int, cage: Trunk) -> Shape:
    """Return a plate on the back of the ribs, its spine and acromion, and the socket."""
    rows = []
    for z, inner, outer in ((440, 42, 66), (412, 37, 80), (380, 34, 74), (345, 35, 62), (308, 38, 48)):
        lift = 15 + 6 * (z > 420)
        rows.append([cage.surface(z, side * np.radians(a), lift) for a in np.linspace(inner, outer, 4)])
    blade = plate(np.array(rows), 5.0)
    socket = _mirror(_SHOULDER - [22, -4, 2], side)
    neck = tube([rows[1][3], socket], [6.0, 9.0])
    crest = tube([rows[1][0], rows[1][2] + [side * 6, 16, 14], _mirror((150, 56, 440), side)], [4.0, 5.0, 6.0])
    acromion = tube(
        [_mirror((150, 56, 440), side), _mirror((166, 30, 452), side)], np.array([[4.0, 8.0]] * 2), (0, 0, 1)
    )
    coracoid = tube([socket + [0, 0, 8], _mirror((128, -6, 430), side)], [6.0, 5.0])
    return Union([blade, neck, crest, acromion, coracoid], soft=4)


def clavicles(cage: Trunk) -> Shape:
    """Return both clavicles: from the top of the sternum, S-shaped, to the acromion."""
    start = cage.surface(436, np.pi, 8.0)
    knots = [tuple(start + [22, 0, 4]), (60, -44, 448), (100, -20, 454), (135, 4, 454), (163, 22, 455)]
    return Union([tube(smooth_curve([_mirror(k, s) for k in knots], 14), np.full(14, 6.0)) for s in _SIDES])


def humeri() -> Shape:
    """Return head and upper shaft of arms that hang close to the chest and are cut off."""
    parts = []
    for side in _SIDES:
        head, elbow = _mirror(_SHOULDER, side), _mirror(_SHOULDER + [8, 2, -42], side)
        parts.append(
            Union([Ellipsoid(head, (22, 22, 22)), tube([head + [side * 8, 0, -8], elbow], [15.0, 11.0])], soft=8)
        )
    return Union(parts)


def _hip_bone(side: int) -> Shape:
    """Return iliac wing, socket, pubis and ischium."""
    crest = smooth_curve([(112, -66, -18), (126, -38, 12), (126, 0, 34), (100, 46, 36), (66, 76, 22), (46, 82, 2)], 9)
    root = smooth_curve([(86, -34, -72), (92, -18, -66), (94, 4, -66), (84, 26, -66), (64, 50, -52), (50, 68, -36)], 9)
    middle = (crest + root) / 2 - [4, 2, 0]
    wing = plate(np.stack([root, middle, crest]) * [side, 1, 1], 8.0)
    rim = tube(crest * [side, 1, 1], np.full(9, 5.5))
    hip = _mirror(_HIP, side)
    base = Ellipsoid(hip + [-side * 6, 2, 8], (34, 34, 33))
    ischium = tube([_mirror(p, side) for p in ((80, 24, -112), (68, 36, -150), (62, 28, -168))], [17.0, 14.0, 14.0])
    pubis = tube([_mirror(p, side) for p in ((78, -22, -98), (42, -46, -108), (9, -54, -122))], [11.0, 8.0, 9.0])
    ramus = tube([_mirror(p, side) for p in ((9, -52, -130), (34, -18, -156), (60, 22, -168))], [7.0, 6.0, 9.0])
    return Union([wing, rim, base, ischium, pubis, ramus], soft=6)


def _socket(side: int) -> Shape:
    """Return the space that the femoral head needs, open downward and outward."""
    hip = _mirror(_HIP, side)
    return Union([Ellipsoid(hip, (26.5, 26.5, 26.5)), tube([hip, hip + [side * 50, 0, -26]], [26.5, 34.0])])


def _sacrum() -> Shape:
    knots = [(0, 44, -2), (0, 60, -34), (0, 76, -66), (0, 78, -96), (0, 66, -122)]
    nodes = smooth_curve(knots, 12)
    widths = np.interp(np.arange(12), [0, 3, 6, 9, 11], [48, 50, 36, 18, 7])
    depths = np.interp(np.arange(12), [0, 3, 8, 11], [20, 17, 10, 5])
    return without(tube(nodes, np.stack([widths, depths], 1), (1, 0, 0)), Below((0, -0.35, -1), -15))


def pelvis() -> Shape:
    """Return hip bones and sacrum, joined at the sacro-iliac joints."""
    bones = [without(_hip_bone(side), _socket(side)) for side in _SIDES]
    return Union([*bones, _sacrum()], soft=2)


def femurs() -> Shape:
    """Return both femurs."""
    return Union([_femur(side) for side in _SIDES])


def _femur(side: int) -> Shape:
    hip = _mirror(_HIP, side)
    neck = tube([hip, _mirror((124, 8, -126), side)], [15.0, 16.0])
    trochanter = Ellipsoid(_mirror((134, 14, -122), side), (15, 18, 22))
    shaft = tube([_mirror(p, side) for p in ((128, 10, -130), (118, 6, -220), (100, 4, -420))], [19.0, 14.0, 14.0])
    return Union([Ellipsoid(hip, (23, 23, 23)), Union([neck, trochanter, shaft], soft=14)], soft=3)

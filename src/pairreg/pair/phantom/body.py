"""The outline of the body, and the cavity of chest and abdomen that the ribs lie around.

Coordinates of the phantom: LPS mm; x = 0 is the midline, z = 0 the top of the sacrum. Sizes are those of an adult of
about 1.75 m, from CT and anatomical atlases.
"""

from pairreg.pair.phantom.curves import Trunk, tube
from pairreg.pair.phantom.shapes import Below, Common, Ellipsoid, Shape, Union

# z, half-width, half-depth, y of the centre
_MUSCLE = [
    (-190, 158, 92, 8), (-140, 160, 94, 8), (-90, 160, 96, 8), (-40, 152, 94, 7), (10, 142, 90, 4), (60, 132, 86, 0),
    (110, 131, 88, -3), (160, 136, 94, -5), (210, 140, 99, -6), (260, 144, 102, -6), (310, 150, 103, -5),
    (350, 160, 101, -3), (390, 174, 94, 2), (420, 180, 84, 8), (440, 172, 74, 13), (460, 132, 66, 16),
    (480, 84, 60, 16), (505, 56, 54, 12), (560, 54, 54, 6),
]  # fmt: skip
_CAVITY = [
    (-150, 30, 30, 5), (-130, 52, 50, 2), (-90, 66, 62, 0), (-50, 84, 66, -8), (0, 104, 66, -22), (50, 112, 68, -28),
    (100, 118, 76, -24), (140, 122, 84, -19), (180, 127, 90, -16), (220, 130, 93, -14), (260, 131, 94, -12),
    (300, 128, 92, -10), (340, 121, 87, -7), (380, 108, 79, -1), (410, 93, 70, 6), (435, 74, 57, 13), (450, 56, 44, 18),
    (460, 36, 28, 22), (464, 18, 14, 24),
]  # fmt: skip


def muscle() -> Shape:
    """Return the body beneath the subcutaneous fat: trunk, buttocks and thighs."""
    trunk = Common([Trunk(_MUSCLE), Below((0, 0, -1), 160)], soft=40)
    buttocks = [Ellipsoid((side * 66, 62, -95), (78, 54, 80)) for side in (-1, 1)]
    thighs = [tube([(s * 86, 8, -110), (s * 88, 8, -230), (s * 92, 6, -420)], [76, 73, 62]) for s in (-1, 1)]
    return Union([Union([trunk, *buttocks], soft=25), *thighs], soft=14)


def cavity(cage: Trunk) -> Shape:
    """Return the space inside ribs and abdominal wall, closed at the top of the chest and at the pelvic floor."""
    return Common([cage, Below((0, 0, 1), _CAVITY[-1][0]), Below((0, 0, -1), -_CAVITY[0][0])])


def cage() -> Trunk:
    """Return the wall of the cavity, around which the ribs lie."""
    return Trunk(_CAVITY)

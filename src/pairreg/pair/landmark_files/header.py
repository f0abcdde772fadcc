"""What names and comments of a table of points say: which columns are x, y, z, in which system and unit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pairreg.errors import InputError
from pairreg.pair.landmark_files.base import SIGNS, UNITS, system_of, unit_of

PLACE = r"(?:pos(?:ition)?|coord(?:inate)?s?|point|loc(?:ation)?|world|physical)"
# `x`, `X [mm]`, `pos_x`, `x_pos`, `x_mm`, `x_ras`, `x (voxel)`: the axis, and what is said of it
AXIS = re.compile(rf"(?:{PLACE}[ _.:-]*)?([xyz])(?:[ _.:-]*{PLACE})?(?:[ _.:-]*[\[(]?(\w+)[\])]?)?")
LETTERS = {"RAS": ("r", "a", "s"), "LPS": ("l", "p", "s")}  # the columns of Slicer's tables of control points
VOXELS = ("voxel", "voxels", "vox", "pixel", "pixels", "px", "index", "idx", "ijk")
SLICER_3 = "Fiducial List file"  # begins the files of Slicer 3, always in RAS
SLICER_4 = "Markups fiducial file version"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Numbers of columns: `axes` are those of x, y, z and t, as far as there are; `said` is what is said of them."""

    axes: tuple[int, ...]
    said: frozenset[str] = frozenset()
    label: int | None = None
    defined: int | None = None


def named_columns(cells: Sequence[str], where: str) -> Columns | None:
    """The columns that a line of names is about; None if it names no x and y."""
    names = [cell.strip().lower() for cell in cells]
    found = {i: said for i, name in enumerate(names) if (said := _axis(name))}
    axes = [axis for axis, _ in found.values()]
    if not {"x", "y"} <= set(axes):
        return _lettered_columns(names, where)
    if len(set(axes)) < len(axes):
        raise InputError(f"{where} has several columns for x, y or z; keep one of each.")
    ordered = sorted(found, key=lambda i: found[i][0])
    times = [names.index("t")] if "t" in names else []
    return Columns(
        axes=(*ordered, *times),
        said=frozenset(said for _, said in found.values() if said),
        label=_place(names, "label", "name"),
        defined=_place(names, "defined"),
    )


def system_and_unit(columns: Columns | None, comments: Sequence[str], where: str) -> tuple[str, float]:
    """The coordinate system and the mm per unit that comments and column names say; LPS and mm if they say nothing."""
    said = columns.said if columns else frozenset()
    voxels = [word for word in said if word in VOXELS]
    if voxels:
        raise InputError(f"{where} holds voxel indices ({voxels[0]!r}); give points in LPS or RAS mm.")
    systems = {word.upper() for word in said if word.upper() in SIGNS} | _systems(comments, where)
    units = {unit_of(word, where) for word in said if word in UNITS}
    if len(systems) > 1 or len(units) > 1:
        raise InputError(f"{where} names several coordinate systems or units; keep one of them.")
    return next(iter(systems), "LPS"), next(iter(units), 1.0)


def _axis(name: str) -> tuple[str, str] | None:
    """`("x", "mm")` of `x [mm]`; None if it is no name of an axis."""
    match = AXIS.fullmatch(name)
    if match is None or (match[2] and not (match[2] in UNITS or match[2] in VOXELS or match[2].upper() in SIGNS)):
        return None
    return match[1], match[2] or ""


def _lettered_columns(names: Sequence[str], where: str) -> Columns | None:
    for system, letters in LETTERS.items():
        if set(letters) <= set(names):
            axes = tuple(names.index(letter) for letter in letters)
            return Columns(
                axes=axes, said=frozenset([system]), label=_place(names, "label"), defined=_place(names, "defined")
            )
    if {"i", "j"} <= set(names):
        raise InputError(f"{where} has the columns i and j: voxel indices; give points in LPS or RAS mm.")
    return None


def _place(names: Sequence[str], *wanted: str) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _systems(comments: Sequence[str], where: str) -> set[str]:
    """What comments say of the coordinate system: in Slicer's words, or as the word LPS or RAS."""
    text = "\n".join(comments)
    given = re.findall(r"(?:coordinate[ _]?system|(?<![a-z])space)[ \t]*[=:][ \t]*(\S+)", text, re.IGNORECASE)
    if given:
        return {system_of(one, where) for one in given}
    if SLICER_4 in text:
        raise InputError(
            f"{where} does not say its coordinate system, which depends on the version of Slicer; "
            "add the line '# CoordinateSystem = LPS', or RAS."
        )
    return {"RAS"} if SLICER_3 in text else set(re.findall(r"\b(LPS|RAS)\b", text))

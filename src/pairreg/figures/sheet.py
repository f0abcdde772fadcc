"""A sheet of image panels at one scale, placed to the millimetre: no layout engine leaves gaps between images."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from pairreg.figures.style import literal
from pairreg.figures.views import View

GAP, EDGE, _HEADER, _TITLE, SIDE, _FOOTER = 0.05, 0.06, 0.22, 0.26, 0.22, 0.5  # inches
_NAME = 0.6  # inches that the name of a row is long


@dataclass(frozen=True)
class Sheet:
    """A figure whose panels are `axes[row][column]`, each of the size of its row's view."""

    figure: Figure
    axes: list[list[Axes]]

    def below(self, first: int, last: int, *, height: float, drop: float, shrink: float = 1.0) -> Axes:
        """Add axes `height` inches high and `drop` inches below the last row, under columns `first` to `last`."""
        left, right = self.axes[-1][first].get_position(), self.axes[-1][last].get_position()
        h = self.figure.get_size_inches()[1]
        width = (right.x1 - left.x0) * shrink
        x = (left.x0 + right.x1 - width) / 2
        return self.figure.add_axes((x, left.y0 - (drop + height) / h, width, height / h))


def sheet(
    rows: Sequence[View],
    columns: int,
    *,
    title: str | None,
    width: float,
    footer: float = _FOOTER,
    header: float = _HEADER,
    titled: Collection[int] | None = None,
) -> Sheet:
    """Return empty panels for `rows` × `columns`, with room for titles above the rows `titled`.

    By default that is the first row if the rows have names, otherwise every one. All panels share one scale (mm per
    inch) and the width of the widest view; `width`, `footer` (the room below the last row) and `header` (that above a
    titled row) are in inches.
    """
    named = any(view.name for view in rows)
    side = SIDE if named else 0.0
    cell = panel_width(rows, columns, width)
    scale = cell / max(view.size[1] for view in rows)
    heights = [view.size[0] * scale for view in rows]
    rooms = [max(height, _NAME if named else 0.0) for height in heights]  # a thin slab is less high than its name
    titled = titled or ([0] if named else range(len(rows)))
    gaps = [header if row in titled else GAP for row in range(len(rows))]
    top = _TITLE if title else 0.0
    total = top + sum(gaps) + sum(rooms) + footer + EDGE
    figure = Figure(figsize=(width, total))
    if title:
        figure.suptitle(literal(title), x=0.5, y=1 - 0.5 * _TITLE / total, va="center", fontsize=9.5, fontweight="bold")
    axes, y = [], total - top
    for view, gap, height, room in zip(rows, gaps, heights, rooms, strict=True):
        y -= gap + room
        bottom = y + (room - height) / 2
        lefts = [EDGE + side + c * (cell + GAP) for c in range(columns)]
        axes.append([figure.add_axes((x / width, bottom / total, cell / width, height / total)) for x in lefts])
        if view.name:
            middle = (y + room / 2) / total
            figure.text((EDGE + side / 2) / width, middle, view.name, rotation=90, ha="center", va="center")
    return Sheet(figure, axes)


def panel_width(rows: Sequence[View], columns: int, width: float) -> float:
    """Return the width in inches of each panel of a `sheet` that is `width` inches wide."""
    side = SIDE if any(view.name for view in rows) else 0.0
    return (width - 2 * EDGE - side - (columns - 1) * GAP) / columns


def frame(axes: Axes, view: View) -> None:
    """Set the axes to millimetres from the first voxel centre, the whole view in the middle."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    panel = axes.bbox.height / axes.bbox.width
    height = max(view.size[0], view.size[1] * panel)
    width = height / panel
    y, x = ((n - 1) / 2 * step for n, step in zip(view.shape, view.spacing, strict=True))
    bottom, top = y - height / 2, y + height / 2
    axes.set_xlim(x - width / 2, x + width / 2)
    axes.set_ylim(*((bottom, top) if view.up else (top, bottom)))


def show(axes: Axes, view: View, plane: np.ndarray, **style: Any) -> AxesImage:
    """Draw a plane `(rows, columns)` in mm; `style` goes to `imshow`. Return the image."""
    height, width = view.size
    dy, dx = view.spacing[0] / 2, view.spacing[1] / 2
    extent = (-dx, width - dx, -dy, height - dy)
    style = {"interpolation": "nearest", **style}
    image = axes.imshow(plane, origin="lower", extent=extent, aspect="auto", **style)
    frame(axes, view)
    return image


def positions(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and rows of a view in mm, as `contour` takes them."""
    return np.arange(view.shape[1]) * view.spacing[1], np.arange(view.shape[0]) * view.spacing[0]

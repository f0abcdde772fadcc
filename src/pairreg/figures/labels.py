"""Two label maps, one over the other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pairreg.arrays import Image, Labels, Mask
from pairreg.figures.sheet import positions, show
from pairreg.figures.style import colour, literal
from pairreg.figures.views import View

NAMED = 10  # more labels than this are not named one by one: colours repeat, and the legend would cover the figure


def label_values(labels: Labels) -> list[int]:
    """Return the labels above 0, in order."""
    return [int(v) for v in np.unique(labels) if v > 0]


def overlay(image: Image, filled: Labels, lines: Labels) -> Callable[[Axes, View], None]:
    """Return a function that draws the labels of `filled` as areas and those of `lines` as outlines over `image`.

    All are `(*spatial,)`; the function takes the axes and the view. A label has one colour in both.
    """
    values = label_values(filled)

    def draw(axes: Axes, view: View) -> None:
        # A dimmed image, on which the colours stand out.
        show(axes, view, view.cut(image), cmap="gray", vmin=0, vmax=1.2)
        show(axes, view, _tint(view.cut(filled), values))
        plane, width = view.cut(lines), 0.6 if view.name else 0.9
        for i, value in enumerate(values):
            outline(axes, view, plane == value, colour(i), width)

    return draw


def _tint(plane: np.ndarray, values: Sequence[int]) -> np.ndarray:
    """Return labels as translucent colours `(rows, columns, 4)`."""
    tints = np.zeros((*plane.shape, 4))
    for i, value in enumerate(values):
        tints[plane == value] = to_rgba(colour(i), 0.4)
    return tints


def outline(axes: Axes, view: View, region: Mask, line_colour: str, width: float) -> None:
    """Draw the outline of a region with a dark line beneath; nothing for an empty or a full one."""
    if region.any() and not region.all():
        # a dark line beneath keeps the outline visible on an area of its own colour
        for w, line in ((width + 0.7, "black"), (width, line_colour)):
            axes.contour(*positions(view), region.astype(float), levels=[0.5], colors=[line], linewidths=w)


def legend(axes: Axes, values: Sequence[int], names: Mapping[int, str], **place: Any) -> Legend:
    """Add the names of the labels, and what areas and lines are, in as many columns as the axes have room for.

    `place` goes to `Axes.legend`. Returns the legend.
    """
    texts = [literal(names.get(v, f"label {v}")) for v in values] if len(values) <= NAMED else []
    handles: list[Any] = [Patch(facecolor=to_rgba(colour(i), 0.75), label=text) for i, text in enumerate(texts)]
    handles.append(Patch(facecolor="0.75", label="filled: fixed"))
    handles.append(Line2D([], [], color="0.25", label="line: moving / warped"))
    place |= {"frameon": False, "handlelength": 1.2, "columnspacing": 1, "borderpad": 0, "borderaxespad": 0}
    for columns in range(len(handles), 0, -1):
        made = axes.legend(handles=handles, ncols=columns, **place)
        if made.get_window_extent().width <= axes.bbox.width:
            break
    return made


def legend_size(values: Sequence[int], names: Mapping[int, str], width: float) -> tuple[float, float]:
    """Return the width and height of the `legend` in axes of this width; all in inches.

    It is wider than the axes only if one name is.
    """
    figure = Figure(figsize=(width, 1))
    box = legend(figure.add_axes((0, 0, 1, 1)), values, names).get_window_extent()
    return box.width / figure.dpi, box.height / figure.dpi

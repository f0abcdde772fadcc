"""Images in three planes, with the letters of the sides of the body, to check their orientation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from pairreg.figures.sheet import sheet, show
from pairreg.figures.style import STYLE, save
from pairreg.figures.views import SIDES, View, informative_slices, views

_WIDTH, _MARGIN, _HEADER, _FOOTER = 2.6, 0.3, 0.3, 0.1  # inches: of a panel, beside, above and below all
_PERCENTILES = (0.5, 99.5)  # of the values, drawn as black and white


@matplotlib.rc_context(STYLE)
def planes(path: str | Path, images: Mapping[str, tuple[np.ndarray, Sequence[float]]]) -> Path:
    """Draw images side by side by name: values `(*spatial,)` and spacing (mm, array axis order). Returns the path.

    3-D arrays are (z, y, x) with axes that lead to the left, to the back and to the head: they are shown in three
    planes, in the order of radiology (patient right on the left), with letters on the sides.
    """
    cuts = {
        name: views(values.shape, spacing, informative_slices(values)) for name, (values, spacing) in images.items()
    }
    rows = max(cuts.values(), key=lambda found: (len(found), max(view.size[1] for view in found)))
    width = _WIDTH * len(images) + _MARGIN
    page = sheet(rows, len(images), title=None, width=width, header=_HEADER, footer=_FOOTER)
    for column, (name, (values, _)) in enumerate(images.items()):
        low, high = np.percentile(values, _PERCENTILES)
        page.axes[0][column].set_title(name)
        for row, axes in enumerate(line[column] for line in page.axes):
            axes.set_axis_off()
            if row < len(cuts[name]):
                view = cuts[name][row]
                show(axes, view, view.cut(values), cmap="gray", vmin=low, vmax=max(high, low + 1e-9))
                if values.ndim == 3:
                    _mark_sides(axes, view)
    return save(page.figure, path)


def _mark_sides(axes: Axes, view: View) -> None:
    """Write the letters of the sides inside the four edges of a plane."""
    rows, columns = view.in_plane
    (first, last), (left, right) = SIDES[rows], SIDES[columns]
    height, width = view.size
    y, x = ((n - 1) / 2 * step for n, step in zip(view.shape, view.spacing, strict=True))
    dy, dx = 0.46 * height, 0.46 * width
    for place, letter in (((x, y - dy), first), ((x, y + dy), last), ((x - dx, y), left), ((x + dx, y), right)):
        outline = [withStroke(linewidth=2, foreground="black")]
        axes.text(*place, letter, color="#F0E442", fontweight="bold", ha="center", va="center", path_effects=outline)

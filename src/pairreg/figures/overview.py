"""The effect of the registration: the images where it began and ended, their difference, and the labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from pairreg.arrays import Image, Labels
from pairreg.figures.labels import label_values, legend, legend_size, overlay
from pairreg.figures.sheet import GAP, Sheet, panel_width, sheet, show
from pairreg.figures.style import STYLE, save
from pairreg.figures.views import View, informative_slices, views

DIVERGING = "RdBu_r"  # 0 is white
_SCALE = 0.5  # inches that the colour scale is high, with its numbers and what they are
_DROP = 0.07  # inches between the panels and what lies below

Draw = Callable[[Axes, View], object]
Panel = tuple[str, Draw]


@dataclass(frozen=True, kw_only=True)
class Images:
    """The arrays of an overview; the range of the differences is common to both of them.

    `labels`: the fixed, moving and warped map; None without them. `names`: of label values.
    """

    fixed: Image
    moving: Image
    warped: Image
    labels: tuple[Labels, Labels, Labels] | None = None
    names: Mapping[int, str] = field(default_factory=dict)

    def difference_range(self) -> float:
        """Return the 99.5th percentile of what differs after the initialisation.

        It is not the largest difference, so that a few bright voxels do not dim the rest.
        """
        differences = abs(self.moving - self.fixed)
        visible = differences[differences > 1e-3]
        return float(np.percentile(visible, 99.5)) if visible.size else 1.0


@matplotlib.rc_context(STYLE)
def overview(
    path: str | Path,
    *,
    fixed: Image,
    moving: Image,
    warped: Image,
    spacing: Sequence[float],
    fixed_labels: Labels | None = None,
    moving_labels: Labels | None = None,
    warped_labels: Labels | None = None,
    title: str | None = None,
    label_names: Mapping[int, str] | None = None,
    at: Sequence[int] | None = None,
) -> Path:
    """Draw fixed, moving and warped image, their differences on one scale, and both label maps of the moving image.

    **Arguments:** arrays `(*spatial,)` on the fixed grid, images in [0, 1]; `moving` after the initialisation;
    `spacing` in mm, array axis order; `at`: the voxel that the three planes of a 3-D image go through, by default that
    of `informative_slices`. The fixed labels are filled, the moving and warped ones outlined in the same colours.
    Returns the path.
    """
    labels = None
    if fixed_labels is not None and moving_labels is not None and warped_labels is not None:
        labels = fixed_labels, moving_labels, warped_labels
    images = Images(fixed=fixed, moving=moving, warped=warped, labels=labels, names=label_names or {})
    planes = views(fixed.shape, spacing, at or informative_slices(fixed, fixed_labels))
    draw = _draw_2d if fixed.ndim == 2 else _draw_3d
    return save(draw(images, planes, title).figure, path)


def _panels(images: Images) -> dict[str, Panel]:
    """Return the title of every panel and the function that draws it, by name."""
    found: dict[str, Panel] = {
        "fixed": ("Fixed", _grey(images.fixed)),
        "moving": ("Moving (initialised)", _grey(images.moving)),
        "warped": ("Warped", _grey(images.warped)),
        "difference before": ("Initialised − fixed", _difference(images.moving, images)),
        "difference after": ("Warped − fixed", _difference(images.warped, images)),
    }
    if images.labels is not None:
        fixed, moving, warped = images.labels
        found["labels before"] = ("Labels (initialised)", overlay(images.fixed, fixed, moving))
        found["labels after"] = ("Labels (warped)", overlay(images.fixed, fixed, warped))
    return found


def _draw_2d(images: Images, planes: list[View], title: str | None) -> Sheet:
    """Draw two rows, where the registration began and ended, for the eye to compare up and down.

    The scale and the legend lie below the fixed image, or, if that is too low for them, below all panels.
    """
    found = _panels(images)
    columns = 3 if images.labels is None else 4
    width = 2.1 * columns
    panel = panel_width(planes, columns, width)
    height = panel * planes[0].size[0] / planes[0].size[1]
    legend_width, legend_height = _legend_size(images, panel)
    has_room = legend_width <= panel and _SCALE + legend_height <= height
    footer = 0.0 if has_room else _footer(images, 2 * panel + GAP)
    page = sheet(planes * 2, columns, title=title, width=width, footer=footer)
    rows = [
        ["fixed", "moving", "difference before", "labels before"],
        ["", "warped", "difference after", "labels after"],
    ]
    for row, keys in zip(page.axes, rows, strict=True):
        for axes, key in zip(row, keys, strict=False):
            if key in found:
                _draw_panel(axes, planes[0], found[key])
            else:
                axes.axis("off")
    if has_room:
        free = page.axes[1][0]
        _draw_scale(page, images, free.inset_axes((0.1, 1 - 0.1 / height, 0.8, 0.08 / height)))
        _draw_legend(images, free, "lower center")
    else:
        _draw_footer(page, images, scale=(2, 2), key=(0, 1))
    return page


def _draw_3d(images: Images, planes: list[View], title: str | None) -> Sheet:
    """Draw one row per plane; the scale and the legend lie below their columns."""
    found = list(_panels(images).values())
    width = 1.5 * len(found)
    footer = _footer(images, 2 * panel_width(planes, len(found), width) + GAP)
    page = sheet(planes, len(found), title=title, width=width, footer=footer)
    for row, (view, line) in enumerate(zip(planes, page.axes, strict=True)):
        for axes, panel in zip(line, found, strict=True):
            _draw_panel(axes, view, panel, header=row == 0)
    _draw_footer(page, images, scale=(3, 4), key=(len(found) - 2, len(found) - 1))
    return page


def _draw_panel(axes: Axes, view: View, panel: Panel, header: bool = True) -> None:
    name, draw = panel
    if header:
        axes.set_title(name)
    draw(axes, view)


def _grey(image: Image) -> Draw:
    return lambda axes, view: show(axes, view, view.cut(image), cmap="gray", vmin=0, vmax=1)


def _difference(image: Image, images: Images) -> Draw:
    change, top = image - images.fixed, images.difference_range()
    return lambda axes, view: show(axes, view, view.cut(change), cmap=DIVERGING, vmin=-top, vmax=top)


def _draw_scale(page: Sheet, images: Images, axes: Axes) -> None:
    top = images.difference_range()
    scale = ScalarMappable(Normalize(-top, top), DIVERGING)
    page.figure.colorbar(scale, cax=axes, orientation="horizontal", label="intensity difference")


def _draw_legend(images: Images, axes: Axes, place: str) -> None:
    if images.labels is not None:
        legend(axes, label_values(images.labels[0]), images.names, loc=place)


def _legend_size(images: Images, width: float) -> tuple[float, float]:
    """Return the width and height in inches of the legend where it has that width; nothing without labels."""
    return (0.0, 0.0) if images.labels is None else legend_size(label_values(images.labels[0]), images.names, width)


def _footer(images: Images, width: float) -> float:
    """Return how many inches the scale and a legend that has that width take below the panels."""
    return max(_SCALE, _DROP + _legend_size(images, width)[1])


def _draw_footer(page: Sheet, images: Images, scale: tuple[int, int], key: tuple[int, int]) -> None:
    """Draw the colour scale and the legend below the panels, each under its first to last column."""
    _draw_scale(page, images, page.below(*scale, height=0.08, drop=_DROP, shrink=0.8))
    below = page.below(*key, height=0.1, drop=_DROP)
    below.axis("off")
    _draw_legend(images, below, "upper center")

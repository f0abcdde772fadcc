"""The effect of the registration: the images before and after, their difference, and the labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from pairreg.arrays import Image, Labels
from pairreg.figures.labels import label_values, legend, overlay
from pairreg.figures.sheet import Sheet, sheet, show
from pairreg.figures.style import STYLE, save
from pairreg.figures.views import View, informative_slices, views

DIVERGING = "RdBu_r"  # 0 is white

Draw = Callable[[Axes, View], object]
Panel = tuple[str, Draw]


@dataclass(frozen=True, kw_only=True)
class Images:
    """The arrays of an overview; the range of the differences is common to before and after."""

    fixed: Image
    moving: Image
    warped: Image
    fixed_labels: Labels | None
    moving_labels: Labels | None
    warped_labels: Labels | None

    def difference_range(self) -> float:
        """Return the 99.5th percentile of what differs before registration.

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
    """Draw fixed, moving and warped image, their differences on one scale, and the labels before and after.

    **Arguments:** arrays `(*spatial,)` on the fixed grid, images in [0, 1]; `moving` after the initialisation;
    `spacing` in mm, array axis order; `at`: the voxel that the three planes of a 3-D image go through, by default that
    of `informative_slices`. The fixed labels are filled, the moving and warped ones outlined in the same colours.
    Returns the path.
    """
    images = Images(
        fixed=fixed,
        moving=moving,
        warped=warped,
        fixed_labels=fixed_labels,
        moving_labels=moving_labels,
        warped_labels=warped_labels,
    )
    planes = views(fixed.shape, spacing, at or informative_slices(fixed, fixed_labels))
    draw = _draw_2d if fixed.ndim == 2 else _draw_3d
    return save(draw(images, planes, title, label_names or {}).figure, path)


def _panels(images: Images) -> dict[str, Panel]:
    """Return the title of every panel and the function that draws it, by name."""
    found: dict[str, Panel] = {
        "fixed": ("Fixed", _grey(images.fixed)),
        "moving": ("Moving", _grey(images.moving)),
        "warped": ("Warped", _grey(images.warped)),
        "difference before": ("Moving − fixed", _difference(images.moving, images)),
        "difference after": ("Warped − fixed", _difference(images.warped, images)),
    }
    if images.moving_labels is not None and images.fixed_labels is not None:
        found["labels before"] = ("Labels before", overlay(images.fixed, images.fixed_labels, images.moving_labels))
    if images.warped_labels is not None and images.fixed_labels is not None:
        found["labels after"] = ("Labels after", overlay(images.fixed, images.fixed_labels, images.warped_labels))
    return found


def _draw_2d(images: Images, planes: list[View], title: str | None, names: Mapping[int, str]) -> Sheet:
    """Draw two rows, before and after, for the eye to compare up and down.

    The scale and the legend lie below the fixed image.
    """
    found = _panels(images)
    columns = 4 if any(name.startswith("labels") for name in found) else 3
    page = sheet(planes * 2, columns, title=title, width=2.1 * columns, footer=0.0)
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
    free = page.axes[1][0]
    _colour_scale(page, images, free.inset_axes((0.1, 0.9, 0.8, 0.05)))
    if images.fixed_labels is not None:
        legend(free, label_values(images.fixed_labels), names, ncols=1, loc="lower center")
    return page


def _draw_3d(images: Images, planes: list[View], title: str | None, names: Mapping[int, str]) -> Sheet:
    """Draw one row per plane; the scale and the legend lie below their columns."""
    found = list(_panels(images).values())
    page = sheet(planes, len(found), title=title, width=1.5 * len(found), footer=0.62 if len(found) > 5 else 0.52)
    for row, (view, line) in enumerate(zip(planes, page.axes, strict=True)):
        for axes, panel in zip(line, found, strict=True):
            _draw_panel(axes, view, panel, header=row == 0)
    _colour_scale(page, images, page.below(3, 4, height=0.08, drop=0.08, shrink=0.8))
    if images.fixed_labels is not None and len(found) > 5:
        box = page.below(5, len(found) - 1, height=0.56, drop=0.02)
        box.axis("off")
        legend(box, label_values(images.fixed_labels), names, loc="upper center")
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


def _colour_scale(page: Sheet, images: Images, axes: Axes) -> None:
    top = images.difference_range()
    scale = ScalarMappable(Normalize(-top, top), DIVERGING)
    page.figure.colorbar(scale, cax=axes, orientation="horizontal", label="intensity difference")

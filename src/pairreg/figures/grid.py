"""The deformation: the warped grid, the Jacobian determinant, and the displacement."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import ListedColormap
from matplotlib.image import AxesImage

from pairreg.arrays import Field, Image, Mask
from pairreg.figures.sheet import Sheet, positions, sheet, show
from pairreg.figures.style import FOLDED, STYLE, save
from pairreg.figures.views import View, informative_slices, views
from pairreg.metrics.deformation import folds, jacobian_determinant

_LINE = "#F0E442"
_ROUND_STEPS = (1, 2, 2.5, 5, 10)  # times a power of 10


@matplotlib.rc_context(STYLE)
def grid(
    path: str | Path,
    *,
    warped: Image,
    field: Field,
    spacing: Sequence[float],
    title: str | None = None,
    at: Sequence[int] | None = None,
    step: float | None = None,
) -> Path:
    """Draw the deformed grid over the warped image, the Jacobian determinant with its folds, and the displacement.

    The grid is a regular grid in the *moving* image carried along by the same pull as the image: its lines are where `x
    + u(x)` takes the value of a grid line, so they bend the way the moving image was bent. (Points drawn at `x + u(x)`
    would show the inverse.)

    **Arguments:** `warped`: `(*spatial,)` in [0, 1]. `field`: `(*spatial, ndim)` in voxels. `spacing`: mm, array axis
    order. `at`: the voxel that the planes of a 3-D image go through. `step`: between grid lines in mm, by default about
    30 lines along the longest side. Returns the path.
    """
    planes = views(warped.shape, spacing, at or informative_slices(warped))
    step = step or round_step(max(n * s for n, s in zip(warped.shape, spacing, strict=True)) / 30)
    page = sheet(planes, 3, title=title, width=7.6 if warped.ndim == 2 else 6.6, footer=0.62)
    for axes, name in zip(
        page.axes[0], ("Deformed grid on warped", "Jacobian determinant", "Displacement"), strict=True
    ):
        axes.set_title(name)
    for view, row in zip(planes, page.axes, strict=True):
        # A dimmed image, on which the yellow lines stand out.
        show(row[0], view, view.cut(warped), cmap="gray", vmin=0, vmax=1.3)
        grid_lines(row[0], view, field, spacing, step)
    _note(page, 0, f"grid of {step:g} mm in the moving image")
    _jacobian_column(page, planes, field)
    _displacement_column(page, planes, field, spacing)
    return save(page.figure, path)


def round_step(step: float) -> float:
    """Return the nearest round number (1, 2, 2.5, 5 × a power of 10)."""
    power = 10.0 ** np.floor(np.log10(step))
    return float(min((r * power for r in _ROUND_STEPS), key=lambda r: abs(np.log(r / step))))


def grid_lines(
    axes: Axes, view: View, field: Field, spacing: Sequence[float], step: float, colour: str = _LINE
) -> None:
    """Draw the contours of the in-plane coordinates of `x + u(x)` in mm at multiples of `step`."""
    u = view.cut(field)
    for k, axis in enumerate(view.in_plane):
        start = np.arange(view.shape[k]).reshape((-1, 1) if k == 0 else (1, -1))
        coordinate = (start + u[..., axis]) * spacing[axis]
        levels = np.arange(np.ceil(coordinate.min() / step), np.floor(coordinate.max() / step) + 1) * step
        if len(levels):
            axes.contour(*positions(view), coordinate, levels=levels, colors=colour, linewidths=0.45)


def _jacobian_column(page: Sheet, planes: Sequence[View], field: Field) -> None:
    """Draw log2 of the determinant, white at 1, and the folded voxels (those of `folds_percent`) on top."""
    determinants, folded = jacobian_determinant(field), folds(field)
    # Folded voxels have no logarithm; they are drawn over the column anyway.
    change = np.log2(np.clip(determinants, 2.0**-8, None))
    # The scale ends at ±10 % at least, so that a smooth field looks smooth, and at a factor of 8 at most.
    top = float(np.clip(np.percentile(abs(change), 99.8), np.log2(1.1), 3))
    for view, row in zip(planes, page.axes, strict=True):
        drawn = show(row[1], view, view.cut(change), cmap="PuOr", vmin=-top, vmax=top)
        _mark(row[1], view, view.cut(folded))
    bar = _footer_bar(page, 1, drawn, f"< 1 stretched, > 1 compressed\n{_folds_note(folded)}")
    ticks = jacobian_ticks(top)
    bar.set_ticks([float(np.log2(t)) for t in ticks], labels=[f"{t:.3g}" for t in ticks])


def _mark(axes: Axes, view: View, folded: Mask) -> None:
    """Draw the folded voxels in black."""
    show(axes, view, np.ma.masked_equal(folded, False), cmap=ListedColormap([FOLDED]), vmin=0, vmax=1)


def _folds_note(folded: Mask) -> str:
    """Say what part of the voxels is folded."""
    return f"\N{BLACK SQUARE} folded: {100 * folded.mean():.2g} %" if folded.any() else "no folds"


def jacobian_ticks(top: float) -> list[float]:
    """Return round determinants around 1 within ± `top` (log2), far enough apart for their labels."""
    upper = [1.0]
    for ratio in (1.05, 1.1, 1.2, 1.5, 2.0, 4.0, 8.0):
        if top + 1e-9 >= np.log2(ratio) >= np.log2(upper[-1]) + 0.28 * top:
            upper.append(ratio)
    return [1 / r for r in reversed(upper[1:])] + upper


def _displacement_column(page: Sheet, planes: Sequence[View], field: Field, spacing: Sequence[float]) -> None:
    """Draw the length of the displacement in mm."""
    length = np.linalg.norm(field * np.asarray(spacing, field.dtype), axis=-1)
    top = max(float(length.max()), 1e-6)
    for view, row in zip(planes, page.axes, strict=True):
        drawn = show(row[2], view, view.cut(length), cmap="viridis", vmin=0, vmax=top)
    _footer_bar(page, 2, drawn, "displacement (mm)")


def _footer_bar(page: Sheet, column: int, drawn: AxesImage, label: str) -> Colorbar:
    """Draw a colour bar below a column."""
    axes = page.below(column, column, height=0.08, drop=0.07, shrink=0.86)
    return page.figure.colorbar(drawn, cax=axes, orientation="horizontal", label=label)


def _note(page: Sheet, column: int, text: str) -> None:
    """Write a text below a column."""
    axes = page.below(column, column, height=0.2, drop=0.04)
    axes.axis("off")
    axes.text(0.5, 0.5, text, ha="center", va="center")

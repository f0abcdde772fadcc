"""Panels of one pair under every setting, side by side."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from pairreg.figures.grid import grid_lines, round_step
from pairreg.figures.labels import label_values, legend, legend_size, overlay
from pairreg.figures.sheet import GAP, SIDE, Sheet, panel_width, sheet, show
from pairreg.figures.style import literal
from pairreg.figures.views import View
from pairreg.metrics.catalogue import Metric
from pairreg.report.charts.planes import Plane, planes
from pairreg.report.charts.setting_style import PRINTED, save_both
from pairreg.report.charts.zoom import BOX_COLOURS, Box, boxes, enlarge, strip
from pairreg.report.design import Design
from pairreg.runs.read import Run

_WIDEST = 8  # settings side by side
_CELL, _PAGE = (1.15, 1.7), 10.0  # inches: narrowest and widest column, and the page that they should fit on
_LINE = 0.135  # inches of a line of a header
_DROP = 0.06  # inches between the panels and the legend
_GRID_LINES = 20  # along the longer side
_THIN = 0.25  # a coronal plane less high than this part of its width shows little

Column = list[Plane] | None  # the planes of a run, None if there is no run
Row = tuple[str, int]  # what is drawn of which plane
_WARPED, _ZOOM, _LABELS, _GRID = "image", "enlarged", "labels", "grid"


@matplotlib.rc_context(PRINTED)
def panel(folder: Path, name: str, design: Design, pair: str, metric: Metric | None) -> Path:
    """Draw `pair`: the fixed and the initialised moving image, then image, labels and grid under every setting.

    Where settings begin differently, the moving image is that of the first one, which its title names. Boxes show the
    same enlarged places everywhere. Of several seeds the first is drawn. The titles have the value of `metric`. Returns
    the path of the PNG.
    """
    runs = design.first(pair)
    reference = next(planes(run.figure_arrays) for run in runs if run is not None)
    columns: list[Column] = [None if run is None else planes(run.figure_arrays, at=reference[0].at) for run in runs]
    scene, view = reference[0].scene, reference[0].view
    # The same boxes in every column, where the settings differ most.
    places = boxes([column[0].scene.warped for column in columns if column], scene.fixed, view)
    rows, blocks = _rows_of(reference), wrap(design)
    titles = [_title(label, run, metric) for label, run in zip(design.labels, runs, strict=True)]
    heads = ["Fixed", f"Moving\n({start_of(columns, design.labels)})"]
    page = _layout(reference, rows, blocks, [*heads, *titles], pair)
    step = round_step(max(view.size) / _GRID_LINES)
    # A block of rows for each line of settings; every one begins with the fixed and the moving image.
    for i, block in enumerate(blocks):
        shown = [_as_warped("fixed", reference), _as_warped("moving", reference), *(columns[k] for k in block)]
        lines = page.axes[i * len(rows) : (i + 1) * len(rows)]
        for line, row in zip(lines, rows, strict=True):
            for axes, column in zip(line, shown, strict=False):
                _draw(axes, row, column, places, step)
            for axes in line[len(shown) :]:
                axes.remove()
            if row[0] == _GRID:  # of the fixed image there is none
                line[0].clear()
                line[0].axis("off")
                note = f"grid of {step:g} mm\nin the moving\nimage"
                line[0].text(0.5, 0.5, note, ha="center", va="center", transform=line[0].transAxes)
        for axes, text in zip(lines[0], [*heads, *(titles[k] for k in block)], strict=False):
            axes.set_title(literal(text), fontsize=_fitting(text, page), linespacing=1.1)
    _footer(page, reference)
    return save_both(page.figure, folder, name)


def _rows_of(reference: list[Plane]) -> list[Row]:
    """Return the rows of a panel; a second plane is shown if it is high enough."""
    rows = [(_WARPED, 0), (_ZOOM, 0), (_LABELS, 0), (_GRID, 0)]
    if len(reference) > 1 and reference[1].view.size[0] > _THIN * reference[1].view.size[1]:
        rows += [(_LABELS if _has_labels(reference) else _WARPED, 1)]
    return [row for row in rows if row[0] != _LABELS or _has_labels(reference)]


def _has_labels(column: list[Plane]) -> bool:
    """Return whether a run has the label maps of both images."""
    return column[0].scene.fixed_labels is not None and column[0].scene.warped_labels is not None


def start_of(columns: Sequence[Column], labels: Sequence[str]) -> str:
    """Return which moving image is shown: the initialised one, or, if settings begin differently, that of the first."""
    drawn = [(label, column[0].scene.moving) for label, column in zip(labels, columns, strict=True) if column]
    label, first = drawn[0]
    if all(np.array_equal(first, moving) for _, moving in drawn):
        return "initialised"
    return "as begun by\n" + label.replace(" · ", "\n")


def _label_values(column: list[Plane]) -> list[int]:
    """Return the labels that a legend explains; none if a run lacks a label map."""
    labels = column[0].scene.fixed_labels
    return label_values(labels) if labels is not None and _has_labels(column) else []


def _as_warped(name: str, column: list[Plane]) -> list[Plane]:
    """Return the planes with the fixed or moving image in the place of the warped one, and without deformation."""
    found = []
    for cut in column:
        scene = cut.scene
        own = {"warped": getattr(scene, name), "warped_labels": getattr(scene, f"{name}_labels")}
        found.append(replace(cut, scene=replace(scene, field=np.zeros_like(scene.field), **own)))
    return found


def wrap(design: Design) -> list[list[int]]:
    """Return the settings of each line of the panel: those that share all but the last factor stay together."""
    count = len(design.settings)
    if count <= _WIDEST:
        return [list(range(count))]
    groups: dict[object, list[int]] = {}
    for i, one in enumerate(design.settings):
        groups.setdefault(one[:-1], []).append(i)
    blocks: list[list[int]] = [[]]
    for group in groups.values():
        for part in (group[i : i + _WIDEST] for i in range(0, len(group), _WIDEST)):
            if len(blocks[-1]) + len(part) > _WIDEST:
                blocks.append([])
            blocks[-1] += part
    return blocks


def _title(label: str, run: Run | None, metric: Metric | None) -> str:
    """Return the title of a column: the setting, and its value of `metric`."""
    lines = label.split(" · ")
    if run is not None and metric is not None and metric.name in run.metrics:
        lines.append(f"{metric.heading} {metric.text(run.metrics[metric.name])}")
    return "\n".join(lines)


def _layout(
    reference: list[Plane], rows: Sequence[Row], blocks: Sequence[Sequence[int]], titles: Sequence[str], name: str
) -> Sheet:
    """Return the empty sheet of a panel."""
    columns = 2 + max(map(len, blocks))
    cell = float(np.clip((_PAGE - SIDE) / columns - GAP, *_CELL))
    lines = max(text.count("\n") + 1 for text in titles)
    views = [_row_view(reference[plane].view, kind, named=len(reference) > 1) for kind, plane in rows] * len(blocks)
    width = SIDE + columns * (cell + GAP) + GAP
    footer = 0.0
    if labels := _label_values(reference):
        below = columns * (panel_width(views, columns, width) + GAP) - GAP
        footer = _DROP + legend_size(labels, reference[0].scene.label_names, below)[1]
    return sheet(
        views,
        columns,
        title=name,
        width=width,
        header=lines * _LINE + 0.08,
        titled=range(0, len(rows) * len(blocks), len(rows)),
        footer=footer,
    )


def _row_view(view: View, kind: str, named: bool) -> View:
    """Return the view that gives a row the size of its panels, and its name."""
    if kind == _ZOOM:
        return replace(strip(view, len(BOX_COLOURS)), name=kind)
    return replace(view, name=f"{view.name} {kind}" if named else kind)


def _draw(axes: Axes, row: Row, column: Column, places: Sequence[Box], step: float) -> None:
    """Draw one row of a column; a setting without a run says so."""
    kind, plane = row
    if column is None:
        axes.axis("off")
        if kind == _WARPED and plane == 0:
            axes.text(0.5, 0.5, "no result", ha="center", va="center", transform=axes.transAxes, color="0.4")
        return
    scene, view = column[plane].scene, column[plane].view
    if kind == _ZOOM:
        enlarge(axes, places, len(BOX_COLOURS), view, scene.warped)
    elif kind == _LABELS and scene.fixed_labels is not None and scene.warped_labels is not None:
        overlay(scene.fixed, scene.fixed_labels, scene.warped_labels)(axes, view)
    elif kind == _GRID:
        show(axes, view, scene.warped, cmap="gray", vmin=0, vmax=1.3)
        grid_lines(axes, view, scene.field, scene.spacing, step)
    else:
        show(axes, view, scene.warped, cmap="gray", vmin=0, vmax=1)
        for box in places if plane == 0 else ():
            box.draw(axes)


def _fitting(text: str, page: Sheet) -> float:
    """Return the font size at which the longest line of a title is no wider than its panel."""
    first = page.axes[0][0].get_position()
    inches = float(first.width * page.figure.get_size_inches()[0])
    return min(8.5, inches * 72 / (0.6 * max(map(len, text.split("\n")))))


def _footer(page: Sheet, reference: list[Plane]) -> None:
    """Add the legend of the labels below the panels."""
    if labels := _label_values(reference):
        box = page.below(0, len(page.axes[0]) - 1, height=0.1, drop=_DROP)
        box.axis("off")
        legend(box, labels, reference[0].scene.label_names, loc="upper left")

"""Charts by label and by setting: the overlap of every label, and the cost of every setting."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from pairreg.figures.style import literal
from pairreg.report.charts.setting_style import PRINTED, SettingStyle, broken, legend, save_both
from pairreg.report.metric_columns import MetricColumn

_BOXES_FROM = 5  # values
_NAME = 40  # letters of a setting in a line beside its bars
BOXES = "Boxes: quartiles and median, whiskers to 1.5 times the box; a line is the mean of less than 5 values."


@matplotlib.rc_context(PRINTED)
def dice(folder: Path, name: str, labels: Sequence[MetricColumn], setting_styles: Sequence[SettingStyle]) -> Path:
    """Draw the Dice of each label by setting: all values, with `BOXES`."""
    width = max(0.13 * len(setting_styles) * len(labels), 0.9 * len(labels))
    figure = Figure(figsize=(float(np.clip(width, 4.5, 11)), 3.2 + 0.1 * len(setting_styles)), layout="constrained")
    axes = figure.subplots()
    step = 0.84 / len(setting_styles)
    for i, column in enumerate(labels):
        for k, (values, style) in enumerate(zip(column.values, setting_styles, strict=True)):
            at = i + (k - (len(setting_styles) - 1) / 2) * step
            line: dict[str, Any] = {"color": style.colour, "linewidth": 1.0}
            if len(values) >= _BOXES_FROM:
                styles: dict[str, Any] = {f"{part}props": line for part in ("box", "whisker", "cap")}
                styles["medianprops"] = line | {"linewidth": 2.0}
                axes.boxplot(values, positions=[at], widths=0.75 * step, showfliers=False, **styles)
            elif len(values):
                axes.plot([at - 0.35 * step, at + 0.35 * step], [values.mean()] * 2, **line)
            size = 3 if len(values) < _BOXES_FROM else 2
            axes.plot(np.full(len(values), at), values, linestyle="", **style.marks(size), alpha=0.5)
        if i:
            axes.axvline(i - 0.5, color="0.85", linewidth=0.6, zorder=0)
    names = [literal(column.name.partition("/")[2]) for column in labels]
    crowded = 0.075 * max(map(len, names)) * len(names) > figure.get_size_inches()[0]
    axes.set_xticks(
        range(len(labels)), names, fontsize=8, rotation=30 if crowded else 0, ha="right" if crowded else "center"
    )
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.set_ylabel(labels[0].metric.title)
    axes.spines[["top", "right"]].set_visible(False)
    legend(figure, [style.handle for style in setting_styles])
    return save_both(figure, folder, name)


@matplotlib.rc_context(PRINTED)
def cost(folder: Path, name: str, columns: Sequence[MetricColumn], setting_styles: Sequence[SettingStyle]) -> Path:
    """Draw the mean of each column as a bar per setting, and all values as dots."""
    names = [literal(broken(style.label, _NAME)) for style in setting_styles]
    height = 0.24 + 0.13 * max(name.count("\n") for name in names)
    figure = Figure(figsize=(3.2 * len(columns) + 1.2, height * len(setting_styles) + 0.8), layout="constrained")
    panels = figure.subplots(1, len(columns), squeeze=False, sharey=True)[0]
    at = np.arange(len(setting_styles))
    for axes, column in zip(panels, columns, strict=True):
        axes.barh(at, column.means, height=0.62, color=[style.colour for style in setting_styles], alpha=0.75)
        for y, values in zip(at, column.values, strict=True):
            axes.plot(values, np.full(len(values), y), "o", color="black", markersize=2, alpha=0.6)
        axes.set_xlabel(column.metric.heading)
        axes.set_xlim(left=0)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(at, names)
    panels[0].invert_yaxis()
    return save_both(figure, folder, name)

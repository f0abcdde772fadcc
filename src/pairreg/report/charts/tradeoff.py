"""The price of a better match in folded voxels, or in regularity where nothing folds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from pairreg.report.charts.setting_style import PRINTED, SettingStyle, legend, save_both
from pairreg.report.metric_columns import MetricColumn

_WIDE = 30  # of positive values: from this ratio on they are drawn logarithmically
FINEST = 0.01  # % of folded voxels from which on they count, and the axis is logarithmic


@matplotlib.rc_context(PRINTED)
def tradeoff(
    folder: Path, name: str, match: MetricColumn, price: MetricColumn, styles: Mapping[int, SettingStyle]
) -> Path:
    """Draw the mean of every setting, and the settings that none beats in both as a step line.

    A first panel shows the single values, too, which often spread much wider than the means. `match` and `price`, of
    which less is better, have their values of the same units in the same order; `styles`: by the index of a setting,
    those without one are grey. Returns the path of the PNG.
    """
    spread = any(len(values) > 1 for values in match.values)
    figure = Figure(figsize=(7.4 if spread else 4.6, 3.5), layout="constrained")
    panels = figure.subplots(1, 2 if spread else 1, squeeze=False)[0]
    points = np.stack([price.means, match.means], axis=1)
    others = [i for i in range(len(points)) if i not in styles]
    for i, style in styles.items() if spread else ():
        panels[0].plot(price.values[i], match.values[i], linestyle="", **style.marks(2.5), alpha=0.5)
    for axes in panels:
        grey = axes.plot(*points[others].T, ".", color="0.65", markersize=3, label="other settings")
        for i, style in styles.items():
            axes.plot(*points[i], linestyle="", **style.marks(7), zorder=3)
        if price.metric.unit == "%":
            _scale(axes, np.concatenate(price.values))
            axes.set_xlabel("folded voxels (%)")
        else:
            axes.set_xlabel(f"{price.metric.title}, less is more regular")
        step = _front(axes, points, match.metric.direction)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(match.metric.title)
    panels[-1].set_title("means" if spread else "")
    legend(figure, [*(style.handle for style in styles.values()), *(grey if others else []), *step])
    return save_both(figure, folder, name)


def _scale(axes: Axes, values: np.ndarray) -> None:
    """Make the axis of the folds logarithmic from `FINEST` on, if the values span much."""
    positive = values[values > FINEST]
    if len(positive) and positive.max() > _WIDE * FINEST:
        axes.set_xscale("symlog", linthresh=FINEST, linscale=0.5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def pareto(points: np.ndarray, sign: int) -> np.ndarray:
    """Return the points `(n, 2)` that no other one equals or beats in both, by x.

    Less is better in x; in y more is, if `sign` is 1, else less.
    """
    found: list[np.ndarray] = []
    for point in sorted(points[np.isfinite(points).all(axis=1)], key=lambda p: (p[0], -sign * p[1])):
        if not found or sign * point[1] > sign * found[-1][1]:
            found.append(point)
    return np.array(found).reshape(-1, 2)


def _front(axes: Axes, points: np.ndarray, sign: int) -> list[Line2D]:
    """Draw the front up to the right edge; nothing if no point is finite."""
    best = pareto(points, sign)
    if len(best) == 0:
        return []
    right = axes.get_xlim()[1]
    x, y = np.append(best[:, 0], right), np.append(best[:, 1], best[-1, 1])
    style: dict[str, Any] = {
        "drawstyle": "steps-post",
        "color": "0.45",
        "linewidth": 0.9,
        "linestyle": (0, (4, 2)),
        "zorder": 2,
    }
    lines = axes.plot(x, y, label="Pareto front", **style)
    axes.set_xlim(right=right)
    return lines

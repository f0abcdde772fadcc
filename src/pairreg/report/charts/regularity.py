"""The match against the regularity of the field, over all settings that were tried for each candidate."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from pairreg.figures.style import plain_decades
from pairreg.metrics.catalogue import Metric
from pairreg.report.charts.setting_style import PRINTED, SettingStyle, legend, save_both
from pairreg.runs.comparison import Candidate
from pairreg.runs.read import Run


@matplotlib.rc_context(PRINTED)
def regularity(
    folder: Path,
    name: str,
    candidates: Sequence[tuple[Candidate, SettingStyle]],
    runs: Mapping[str, Run],
    across: Metric,
    match: Metric,
) -> Path:
    """Draw `match` over `across`, means over the tuning pairs, with a line for each candidate through its settings.

    The chosen setting has a ring. `runs`: by signature. Returns the path of the PNG.
    """
    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    axes = figure.subplots()
    for candidate, style in candidates:
        points = np.array([_means(tried, runs, across, match) for tried in candidate.tried]).reshape(-1, 2)
        order = np.argsort(points[:, 0])
        axes.plot(*points[order].T, linestyle=style.dash, linewidth=1, **style.marks(3.5))
        if candidate.chosen is not None:
            ring = style.marks(9) | {"markeredgecolor": "black"}
            axes.plot(*points[candidate.chosen], linestyle="", zorder=3, **ring)
    axes.set_xscale("log")
    plain_decades(axes.xaxis, within=(1, 2, 3, 4, 6))
    axes.set_xlabel(across.heading)
    axes.set_ylabel(match.title)
    axes.spines[["top", "right"]].set_visible(False)
    legend(figure, [style.handle for _, style in candidates])
    return save_both(figure, folder, name)


def _means(tried: Sequence[str], runs: Mapping[str, Run], *metrics: Metric) -> list[float]:
    """Return the mean of each metric over the runs of a setting; NaN where one is missing."""
    found = [[runs[s].metrics.get(metric.name, np.nan) for s in tried if s in runs] for metric in metrics]
    return [float(np.mean(values)) if values else np.nan for values in found]

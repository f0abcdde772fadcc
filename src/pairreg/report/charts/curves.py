"""The course of the optimisation under every setting."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pairreg.figures.curves import KINDS, draw_bands, headroom, level_bands, value_axis
from pairreg.figures.style import literal
from pairreg.option_files import TERM_GROUPS
from pairreg.report.charts.setting_style import PRINTED, SettingStyle, legend, save_both
from pairreg.report.design import Design
from pairreg.runs.factors import Setting, flat_config
from pairreg.runs.read import Run

_FEW = 3  # pairs: with more of them a panel shows their mean
_WIDTH, _HEIGHT = 3.1, 1.75  # inches of a panel
_COLUMNS = 3


@matplotlib.rc_context(PRINTED)
def curves(folder: Path, name: str, design: Design, setting_styles: Sequence[SettingStyle]) -> Path:
    """Draw every term (unweighted): a row per term and a column per pair, or of many pairs the mean over them.

    The total loss is drawn if all settings have the same one. Returns the path of the PNG.
    """
    terms = terms_of(design)
    apart = len(design.pairs) <= _FEW
    panels = (
        [(term, [pair]) for term in terms for pair in design.pairs] if apart else [(t, design.pairs) for t in terms]
    )
    columns = len(design.pairs) if apart and len(design.pairs) > 1 else min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(_WIDTH * columns, _HEIGHT * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, (axes, (term, pairs)) in enumerate(zip(grid, panels, strict=False)):
        _draw(axes, [_runs_of(design, one, pairs) for one in design.settings], term, setting_styles)
        heading = "total loss" if term == "loss" else term.replace("/", ": ")
        axes.set_title(literal(f"{heading}, {pairs[0]}" if apart and len(design.pairs) > 1 else heading))
        if i >= len(panels) - columns:
            axes.set_xlabel("iteration")
    for axes in grid[len(panels) :]:
        axes.remove()
    drawn = {setting for (setting, *_), run in design.cells.items() if run.history}
    styles = zip(design.settings, setting_styles, strict=True)
    legend(figure, [style.handle for setting, style in styles if setting in drawn])
    return save_both(figure, folder, name)


def terms_of(design: Design) -> list[str]:
    """Return all terms of all runs, and the loss if it is made of the same in all of them."""
    names = dict.fromkeys(name for run in design.cells.values() for name in run.history)
    losses = {_made_of(run) for run in design.cells.values() if run.history}
    kinds = KINDS if len(losses) == 1 else KINDS[1:]
    return [name for kind in kinds for name in names if name.startswith(kind)]


def _made_of(run: Run) -> frozenset[tuple[str, str | None]]:
    """Return the settings of the terms of a run's loss, and the weight of what optimising both directions adds."""
    config = flat_config(run)
    terms = {key: value for key, value in config.items() if key.partition(".")[0] in TERM_GROUPS}
    both = config.get("transform.symmetric") == "True"
    return frozenset((terms | {"both directions": config.get("transform.consistency") if both else None}).items())


def _runs_of(design: Design, one: Setting, pairs: Sequence[str]) -> list[Run]:
    """Return the runs of a setting on these pairs, all seeds."""
    keys = [(one, pair, seed) for pair in pairs for seed in design.seeds]
    return [design.cells[key] for key in keys if key in design.cells]


def _draw(axes: Axes, runs: Sequence[Sequence[Run]], term: str, setting_styles: Sequence[SettingStyle]) -> None:
    """Draw a line for each setting that has the term, and the levels where all runs have the same."""
    having = [[run.history for run in some if term in run.history] for some in runs]
    lines = [mean_curve([history[term] for history in some]) for some in having]
    for values, style in zip(lines, setting_styles, strict=True):
        every = max(1, len(values) // 6)
        line: dict[str, Any] = {"linestyle": style.dash, "linewidth": 1.1, "markevery": (every // 2, every)}
        axes.plot(np.arange(1, len(values) + 1), values, **line, **style.marks(3))
    value_axis(axes, np.concatenate(lines))
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.02)
    levels = [history["level"] for some in having for history in some if "level" in history]
    if levels and all(np.array_equal(level, levels[0]) for level in levels) and (bands := level_bands(levels[0], None)):
        headroom(axes)
        draw_bands(axes, bands)


def mean_curve(values: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean over runs, as long as the longest; a run that ended early keeps its last value."""
    length = max(map(len, values), default=0)
    padded = [np.pad(one, (0, length - len(one)), "edge") for one in values]
    return np.mean(padded, axis=0) if padded else np.empty(0)

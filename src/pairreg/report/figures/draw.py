"""The figures of a paper, from the runs of one command."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import matplotlib

from pairreg.report.charts.setting_style import PRINTED, save_both
from pairreg.report.figures.panels import Shown
from pairreg.runs.factors import Setting, factors, setting
from pairreg.runs.read import Run
from pairreg.runs.replicates import pair_names


@matplotlib.rc_context(PRINTED)
def draw_figure(layout: str, runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draw the `layout` (one of `FIGURES`) as PNG, whose paths are returned, and PDF.

    There is a figure for every pair, or one for all if the layout has `ALL_PAIRS_IN_ONE`. The settings come in the
    order of `runs`; of several seeds the first is drawn. Raises `InputError` if the arrays of a run cannot be read.
    """
    module = importlib.import_module(f"pairreg.report.figures.{layout}")
    among = factors(runs)
    pairs: dict[str, dict[Setting, Run]] = {}
    for pair, run in zip(pair_names(runs), runs, strict=True):
        pairs.setdefault(pair, {}).setdefault(setting(run, among), run)
    figures = [list(settings.values()) for settings in pairs.values()]
    if getattr(module, "ALL_PAIRS_IN_ONE", False):
        figures = [[run for group in figures for run in group]]
    drawn = [module.figure([Shown.of(run, among) for run in group]) for group in figures]
    folder.mkdir(parents=True, exist_ok=True)
    names = [layout] if len(drawn) == 1 else [f"{layout}_{i:02d}" for i in range(1, len(drawn) + 1)]
    return [save_both(one, folder, name) for one, name in zip(drawn, names, strict=True)]

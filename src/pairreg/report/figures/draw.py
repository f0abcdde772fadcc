"""The figures of a paper, from the runs of one command."""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

from pairreg.report.charts.planes import Place
from pairreg.report.charts.setting_style import PRINTED, save_both
from pairreg.report.figures.panels import Shown
from pairreg.runs.factors import Setting, factors, setting
from pairreg.runs.read import Run
from pairreg.runs.replicates import pair_names


@matplotlib.rc_context(PRINTED)
def draw_figure(layout: str, runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draw the `layout` (one of `FIGURES`) as PNG, whose paths are returned, and PDF.

    There is a figure for every pair, or one for all if the layout has `ALL_PAIRS_IN_ONE`. The settings come in the
    order of `runs`; of several seeds the first is drawn. Figures of the layout that were drawn of other pairs before
    are deleted. Raises `InputError` if the arrays of a run cannot be read.
    """
    module = _module(layout)
    drawn = [module.figure(_shown(group, runs)) for group in _groups(layout, runs)]
    folder.mkdir(parents=True, exist_ok=True)
    names = [layout] if len(drawn) == 1 else [f"{layout}_{i:02d}" for i in range(1, len(drawn) + 1)]
    paths = [save_both(one, folder, name) for one, name in zip(drawn, names, strict=True)]
    for path in folder.iterdir():  # those of an earlier command would stand beside these as equals
        is_own = re.fullmatch(rf"{layout}(_\d+)?\.(png|pdf)", path.name)
        if is_own and path.stem not in names:
            path.unlink()
    return paths


def prepare_figure(layout: str, runs: Sequence[Run]) -> None:
    """Call `prepare` of the layout's module, if it has one: it makes the files that the runs did not leave.

    Raises `InputError` if they cannot be made for one of them.
    """
    module = _module(layout)
    for group in _groups(layout, runs) if hasattr(module, "prepare") else []:
        module.prepare(group)


def _shown(group: Sequence[Run], runs: Sequence[Run]) -> list[Shown]:
    """Return the runs of one figure, those of one pair cut where the first of them tells most."""
    among, pairs = factors(runs), dict(zip([run.folder for run in runs], pair_names(runs), strict=True))
    at: dict[str, Place] = {}
    found = []
    for run in group:
        pair = pairs[run.folder]
        found.append(Shown.of(run, among, at.get(pair)))
        at.setdefault(pair, found[-1].cut.at)
    return found


def _groups(layout: str, runs: Sequence[Run]) -> list[list[Run]]:
    """Return the runs of each figure of a layout, in the order in which it shows them; of several seeds the first."""
    among = factors(runs)
    pairs: dict[str, dict[Setting, Run]] = {}
    for pair, run in zip(pair_names(runs), runs, strict=True):
        pairs.setdefault(pair, {}).setdefault(setting(run, among), run)
    by_pair = [list(settings.values()) for settings in pairs.values()]
    if getattr(_module(layout), "ALL_PAIRS_IN_ONE", False):
        return [[run for group in by_pair for run in group]]
    return by_pair


def _module(layout: str) -> Any:
    return importlib.import_module(f"pairreg.report.figures.{layout}")

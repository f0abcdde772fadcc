"""All figures of a report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pairreg.metrics.catalogue import deciding, find, of_kind
from pairreg.report.charts.bars import BOXES, cost, dice
from pairreg.report.charts.curves import curves, terms_of
from pairreg.report.charts.drawing import Drawing, Figure, draw_all
from pairreg.report.charts.panel import panel
from pairreg.report.charts.regularity import regularity
from pairreg.report.charts.setting_style import SettingStyle, setting_styles
from pairreg.report.charts.tradeoff import FINEST, tradeoff
from pairreg.report.metric_columns import label_columns, metric_column
from pairreg.report.ranking import Ranking
from pairreg.report.shown import Shown
from pairreg.report.study_runs import StudyRuns

_FOLDS, _OVERLAP = "folds_percent", "dice_mean"  # what the trade-off and the figure by label are about
_WITHOUT = SettingStyle("", "0.6", "x", "-")
_REGULARITY = "sdlogj"  # where nothing folds, and of a search for the best settings, which matches none


def draw(
    study: StudyRuns, ranking: Ranking, shown: Shown, folder: Path, earlier: Path
) -> tuple[list[Figure], list[Figure]]:
    """Draw the panel of every pair that is shown, and the charts for which there are values; return both.

    `earlier`: a folder whose figures are taken where they would be the same.
    """
    folder.mkdir()
    panels = [
        Drawing(
            f"panel_{i:02d}", pair, "", panel, (shown.design(ranking.design, [pair]), pair, ranking.metric_of(pair))
        )
        for i, pair in enumerate(shown.pairs, start=1)
    ]
    styles = setting_styles(shown.design(ranking.design))
    charts = [*_choices(study, ranking, shown, styles), *_charts(ranking, shown, styles)]
    figures = draw_all([*panels, *charts], folder, earlier)
    return figures[: len(panels)], figures[len(panels) :]


def _choices(study: StudyRuns, ranking: Ranking, shown: Shown, styles: Sequence[SettingStyle]) -> list[Drawing]:
    """Return how the compared settings were chosen, if a search chose them and there is a metric to show."""
    comparison, design = study.comparison, ranking.design
    if comparison is None:
        return []
    runs = {run.signature: run for run in study.runs}
    tried = {s for one in comparison.candidates for some in one.tried for s in some} & runs.keys()
    # The pairs that chose may lack what the others are ranked by, such as the true deformation.
    match = next((metric for metric in deciding() if all(metric.name in runs[s].metrics for s in tried)), None)
    if match is None or not tried:
        return []
    of_setting = dict(zip([design.settings[i] for i in shown.settings], styles, strict=True))
    of_run = {run.signature: of_setting[one] for (one, *_), run in design.cells.items() if one in of_setting}
    drawn = []
    for one in comparison.candidates:  # one without a setting is in no other figure
        style = next((of_run[s] for s in one.judged if s in of_run), _WITHOUT)
        drawn.append((one, replace(style, label=one.label)))
    across = find(comparison.regularity or _REGULARITY)
    assert across is not None, "checked when the comparison was made"
    caption = (
        "Every setting that was tried, as the mean over the pairs that chose; a large symbol has the setting of the "
        "table. To the left the field is more regular."
    )
    tried_runs = {signature: runs[signature] for signature in sorted(tried)}
    arguments = (drawn, tried_runs, across, match)
    return [Drawing("regularity", f"{match.label} against regularity", caption, regularity, arguments)]


def _charts(ranking: Ranking, shown: Shown, styles: Sequence[SettingStyle]) -> list[Drawing]:
    """Return the charts for which there are values."""
    design, found, primary = ranking.design, ranking.columns, ranking.primary
    charts = []
    if primary is not None and _FOLDS in found:
        folded = any(np.nanmax(values, initial=0) >= FINEST for values in found[_FOLDS].values)
        price = _FOLDS if folded or _REGULARITY not in found else _REGULARITY
        # Both columns over the runs that have both values, so that points are of the same units.
        match = metric_column(primary.metric, design, beside=price)
        across = metric_column(found[price].metric, design, beside=primary.name)
        caption = (
            f"Large: mean of a setting over the {design.unit}s; small: every {design.unit}. "
            "No setting is better in both than one on the dashed line."
        )
        if price == _REGULARITY:
            caption += f" Less than {FINEST} % folds anywhere, so it is how unequally the settings change volumes."
        arguments = (match, across, dict(zip(shown.settings, styles, strict=True)))
        against = "folding" if price == _FOLDS else "regularity"
        charts.append(Drawing("tradeoff", f"{primary.metric.label} against {against}", caption, tradeoff, arguments))
    labels = label_columns(found[_OVERLAP].metric, design) if _OVERLAP in found else []
    if labels:
        caption = f"Symbols: every {design.unit}. {BOXES}"
        charts.append(Drawing("dice", "Overlap by label", caption, dice, ([shown.of(one) for one in labels], styles)))
    costs = [found[m.name] for m in of_kind("cost") if m.unit and m.name in found]  # a number of iterations says little
    if costs:
        caption = f"Bars: mean over the {design.unit}s; dots: every {design.unit}."
        charts.append(Drawing("cost", "Cost", caption, cost, ([shown.of(one) for one in costs], styles)))
    part = shown.design(design)
    if terms_of(part):
        caption = "Unweighted terms of the objective. Curves jump where a level of the schedule begins."
        charts.append(Drawing("curves", "Course of the optimisation", caption, curves, (part, styles)))
    return charts

"""All figures of a report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pairreg.metrics.catalogue import deciding, find, of_kind
from pairreg.report.charts.bars import BOXES, cost, dice
from pairreg.report.charts.curves import curves, terms_of
from pairreg.report.charts.panel import panel
from pairreg.report.charts.regularity import regularity
from pairreg.report.charts.setting_style import SettingStyle, setting_styles
from pairreg.report.charts.tradeoff import tradeoff
from pairreg.report.metric_columns import label_columns, metric_column
from pairreg.report.ranking import Ranking
from pairreg.report.study_runs import StudyRuns

_FOLDS, _OVERLAP = "folds_percent", "dice_mean"  # what the trade-off and the figure by label are about
_WITHOUT = SettingStyle("", "0.6", "x", "-")
_REGULARITY = "sdlogj"  # of a search for the best settings, which matches none


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    **Attributes:** `path` of the PNG (the PDF lies beside it); `heading` and `caption` on the page.
    """

    path: Path
    heading: str
    caption: str


def draw(study: StudyRuns, ranking: Ranking, folder: Path) -> tuple[list[Figure], list[Figure]]:
    """Draw the panel of every pair, and the charts over all runs for which there are values; return both."""
    folder.mkdir()
    design = ranking.design
    panels = [
        Figure(panel(folder, f"panel_{i:02d}", design, pair, ranking.primary), pair, "")
        for i, pair in enumerate(design.pairs, start=1)
    ]
    shown = setting_styles(design)
    return panels, [*_choices(study, ranking, folder, shown), *_charts(ranking, folder, shown)]


def _choices(study: StudyRuns, ranking: Ranking, folder: Path, shown: Sequence[SettingStyle]) -> list[Figure]:
    """Draw how the compared settings were chosen, if a search chose them and there is a metric to show."""
    comparison, design = study.comparison, ranking.design
    if comparison is None:
        return []
    runs = {run.signature: run for run in study.runs}
    tried = {s for one in comparison.candidates for some in one.tried for s in some} & runs.keys()
    # The pairs that chose may lack what the others are ranked by, such as the true deformation.
    match = next((metric for metric in deciding() if all(metric.name in runs[s].metrics for s in tried)), None)
    if match is None or not tried:
        return []
    of_run = {run.signature: shown[design.settings.index(one)] for (one, *_), run in design.cells.items()}
    drawn = []
    for one in comparison.candidates:  # one without a setting is in no other figure
        style = next((of_run[s] for s in one.judged if s in of_run), _WITHOUT)
        drawn.append((one, replace(style, label=one.label)))
    across = find(comparison.regularity or _REGULARITY)
    assert across is not None, "checked when the comparison was made"
    path = regularity(folder, "regularity", drawn, runs, across, match)
    caption = (
        "Every setting that was tried, as the mean over the pairs that chose; a large symbol has the setting of the "
        "table. To the left the field is more regular."
    )
    return [Figure(path, f"{match.label} against regularity", caption)]


def _charts(ranking: Ranking, folder: Path, shown: Sequence[SettingStyle]) -> list[Figure]:
    """Draw the charts over all runs for which there are values."""
    design, found, primary = ranking.design, ranking.columns, ranking.primary
    figures = []
    if primary is not None and _FOLDS in found:
        # Both columns over the runs that have both values, so that points are of the same units.
        match = metric_column(primary.metric, design, beside=_FOLDS)
        folds = metric_column(found[_FOLDS].metric, design, beside=primary.name)
        caption = (
            f"Large: mean of a setting over the {design.unit}s; small: every {design.unit}. "
            "No setting is better in both than one on the dashed line."
        )
        path = tradeoff(folder, "tradeoff", match, folds, shown)
        figures.append(Figure(path, f"{primary.metric.label} against folding", caption))
    labels = label_columns(found[_OVERLAP].metric, design) if _OVERLAP in found else []
    if labels:
        path = dice(folder, "dice", labels, shown)
        caption = f"Symbols: every {design.unit}. {BOXES}"
        figures.append(Figure(path, "Overlap by label", caption))
    costs = [found[m.name] for m in of_kind("cost") if m.unit and m.name in found]  # a number of iterations says little
    if costs:
        caption = f"Bars: mean over the {design.unit}s; dots: every {design.unit}."
        figures.append(Figure(cost(folder, "cost", costs, shown), "Cost", caption))
    if terms_of(design):
        caption = "Unweighted terms of the objective. Curves jump where a level of the schedule begins."
        figures.append(Figure(curves(folder, "curves", design, shown), "Course of the optimisation", caption))
    return figures

"""The searches of a study, as Optuna draws them.

Optuna's plots for Matplotlib and not those for Plotly: the page stays one static file, of which Plotly's script alone
would be 4.5 MB, and the figures can be printed. Optuna draws with pyplot and in a style of its own, `ggplot`; here they
have the style of the report.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot
from matplotlib.style import library as styles
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import matplotlib as plots

from pairreg.figures.style import plain_decades
from pairreg.metrics.catalogue import find
from pairreg.report.charts.drawing import Figure
from pairreg.report.charts.setting_style import PRINTED, save_both
from pairreg.runs.search_log import Search

_FEWEST = 2  # complete trials, between which something can differ
_SIZE = (5.2, 3.4)  # inches
_OPTUNAS_STYLE = "ggplot"
_STYLE: Any = PRINTED | {"figure.figsize": _SIZE, "savefig.bbox": "tight", "lines.markersize": 4.5}


@dataclass(frozen=True)
class SearchFigures:
    """What the page shows of a search.

    **Attributes:** `heading`; `notes`: sentences on its trials, its best one, and figures that cannot be drawn;
    `figures`.
    """

    heading: str
    notes: Sequence[str]
    figures: Sequence[Figure]


def draw_search(search: Search, folder: Path, name: str) -> SearchFigures:
    """Draw a search into files that begin with `name`: its history, importances, slices, coordinates and front.

    Of several objectives each has a history and slices of its own. A search with less than two complete trials has no
    figures.
    """
    heading = f"Search for {search.candidate or ' and '.join(search.objectives)}"
    notes = [f"{search.counted}, for {_listed(search)}."]
    if len(search.complete) < _FEWEST:
        return SearchFigures(heading, [*notes, f"Figures need {_FEWEST} complete trials."], [])
    figures = []
    with _style_of_the_report():
        for figure, plot, arguments in _plots(search):
            plot(search.study, **arguments)
            drawn = _tidied(pyplot.gcf())
            figures.append(replace(figure, path=save_both(drawn, folder, f"{name}_{figure.path}")))
            pyplot.close(drawn)
    flat = [name for i, name in enumerate(search.objectives) if search.is_flat(i)]
    if flat:
        notes.append(f"There are no importances for {' and '.join(flat)}, the same in all trials.")
    if len(search.objectives) > 3:
        notes.append("The Pareto front is drawn of two or three objectives only.")
    return SearchFigures(heading, notes, figures)


def _listed(search: Search) -> str:
    """Return the objectives with their directions, and what was best if there is one best trial."""
    goals = " and ".join(
        f"{name} ({direction.name.lower()})"
        for name, direction in zip(search.objectives, search.study.directions, strict=True)
    )
    if len(search.objectives) > 1 or not search.best:
        return goals
    (best,) = search.best
    params = ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in best.params.items()
    )
    return f"{goals}; the best is trial {best.number}: {best.value:.4g} with {params}"


def _plots(search: Search) -> Iterator[tuple[Figure, Callable[..., Any], dict[str, Any]]]:
    """Yield every figure of a search (its path is a name), what draws it, and the arguments besides the study."""
    single = len(search.objectives) == 1
    titles = [_title(name) for name in search.objectives]
    for i, title in enumerate(titles):
        of = "" if single else f": {title}"
        # Optuna draws the best value so far of the only objective; of a target it does not know the direction.
        value: dict[str, Any] = {"target_name": title} | ({} if single else {"target": _Value(i)})
        caption = "Every complete trial, in the order in which they were begun."
        yield Figure(Path(f"history_{i}"), f"Optimisation history{of}", caption), plots.plot_optimization_history, value
        caption = "Every complete trial over each of the values that were searched: the darker, the later."
        yield Figure(Path(f"slices_{i}"), f"Slices{of}", caption), plots.plot_slice, value
        if search.is_flat(i):
            continue
        # Importances are those for low values of a target.
        sign = -1 if search.study.directions[i] is StudyDirection.MAXIMIZE else 1
        low = {} if single else {"target_name": title, "target": _Value(i, sign)}
        caption = (
            "How much of what sets the better trials apart each value accounts for (PED-ANOVA, Watanabe et al. 2023)."
        )
        yield Figure(Path(f"importances_{i}"), f"Importances{of}", caption), plots.plot_param_importances, low
    caption = "A line for each complete trial: the darker, the better."
    yield Figure(Path("parallel"), "Parallel coordinates", caption), _parallel, {"titles": titles}
    if len(titles) in (2, 3):
        caption = "No trial is better in all objectives than one of the best trials."
        yield Figure(Path("front"), "Pareto front", caption), plots.plot_pareto_front, {"target_names": titles}


def _parallel(study: Study, titles: Sequence[str]) -> None:
    """Draw the parallel coordinates, with whole names: Optuna cuts off what is longer than 20 letters."""
    axes = plots.plot_parallel_coordinate(study, target_name=titles[0])
    params = {key for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) for key in trial.params}
    names = [*titles, *sorted(params)]
    axes.set_xticks(range(len(names)), names, rotation=330, ha="left")


def _title(metric: str) -> str:
    """Return a metric as axes call it."""
    known = find(metric)
    return known.title if known else metric


@dataclass(frozen=True)
class _Value:
    """Takes the value of the objective with an index from a trial, times a sign."""

    index: int
    sign: int = 1

    def __call__(self, trial: FrozenTrial) -> float:
        return self.sign * trial.values[self.index]


@contextmanager
def _style_of_the_report() -> Iterator[None]:
    """Have pyplot draw into files, and let the style that Optuna asks for be ours, within the block."""
    backend, theirs = matplotlib.get_backend(), styles[_OPTUNAS_STYLE]
    pyplot.switch_backend("agg")
    styles[_OPTUNAS_STYLE] = _STYLE
    try:
        with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            warnings.filterwarnings("ignore", "PedAnovaImportanceEvaluator computes")  # see `_Value`
            yield
    finally:
        styles[_OPTUNAS_STYLE] = theirs
        pyplot.switch_backend(backend)


def _tidied(figure: Any) -> Any:
    """Return a figure without titles, which the page has, and legends of one entry, with plain numbers on its axes."""
    figure.suptitle("")
    for axes in figure.axes:
        for place in ("left", "center"):
            axes.set_title("", loc=place)
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                low, high = axis.get_view_interval()
                plain_decades(axis, within=(1, 3) if high > 10 * low else (1, 2, 3, 5, 7))
        if legend := axes.get_legend():
            legend.remove()  # Optuna puts some of them outside
            if len(legend.legend_handles) > 1:
                axes.legend()
    return figure

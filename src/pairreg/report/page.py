"""The HTML page of a study, one file that needs no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from pairreg.report.charts.drawing import Figure
from pairreg.report.charts.setting_style import setting_styles
from pairreg.report.design import Design
from pairreg.report.flicker import Flicker, embedded, flicker, legible
from pairreg.report.published import Beside
from pairreg.report.ranking import Ranking
from pairreg.report.shown import Shown
from pairreg.report.study_file import study_file
from pairreg.report.study_runs import StudyRuns
from pairreg.report.tables import header, lines, page_metrics
from pairreg.runs.factors import chosen_options
from pairreg.runs.read import Run

if TYPE_CHECKING:
    from pairreg.report.charts.search import SearchFigures


@dataclass(frozen=True)
class Origin:
    """The origin of the runs.

    **Attributes:** `commands` that started them; `facts`: every value of each fact, such as versions; `warnings`:
    sentences about differences between the runs.
    """

    commands: list[str]
    facts: dict[str, list[str]]
    warnings: list[str]


def page(
    study: StudyRuns,
    ranking: Ranking,
    shown: Shown,
    published: Beside | None,
    papers: list[Figure],
    panels: Sequence[Figure],
    charts: list[Figure],
    searches: Sequence["SearchFigures"],
    views: Mapping[str, Path],
) -> str:
    """Return the text of the page.

    **Arguments:** `published`: results of others beside those of the study; `papers`, `panels`, `charts` and
    `searches`: the figures that it shows; `views`: pages to look through pairs, by pair.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"embedded": embedded, "legible": legible}
    template = environment.from_string(files("pairreg.report").joinpath("page.html").read_text(encoding="utf-8"))
    part = shown.design(ranking.design, shown.pairs)
    names = page_metrics(ranking)
    file = study_file(study.runs)
    return template.render(
        study=study,
        question=file.remarks.get("Question") if file else None,
        published=published,
        ranking=ranking,
        header=header(ranking, names),
        lines=lines(ranking, names),
        shown=shown,
        colours={i: style.colour for i, style in zip(shown.settings, setting_styles(part), strict=True)},
        papers=papers,
        panels=panels,
        charts=charts,
        searches=searches,
        views=views,
        flickers=_flickers(ranking, part),
        options=chosen_options(list(ranking.design.cells.values())),
        origin=_origin(study.runs),
        input_notes=list(dict.fromkeys(note for run in study.runs for note in run.input_notes)),
    )


def _flickers(ranking: Ranking, design: Design) -> dict[str, list[Flicker]]:
    """Return by pair the pictures of the runs of every setting of a part of the design, in the order of the figures."""
    found: dict[str, list[Flicker]] = {pair: [] for pair in design.pairs}
    for pair, seed in design.replicates:
        metric = ranking.metric_of(pair)
        for one, name in zip(design.settings, design.labels, strict=True):
            run = design.cells.get((one, pair, seed))
            if run is not None:
                facts = [f"seed {seed}"] if len(design.seeds) > 1 else []
                if metric is not None and metric.name in run.metrics:
                    facts.append(f"{metric.heading} {metric.text(run.metrics[metric.name])}")
                at = found[pair][0].at if found[pair] else None
                found[pair].append(flicker(run, name, ", ".join([*facts, run.folder.name]), at))
    return found


def _origin(runs: Sequence[Run]) -> Origin:
    """Return where the runs come from, and warn if that is not one place."""

    def values(key: str) -> list[str]:
        return sorted({run.provenance[key] for run in runs if key in run.provenance})

    keys = dict.fromkeys(key for run in runs for key in run.provenance)
    several = [key.removeprefix("version/") for key in keys if key.startswith("version/") and len(values(key)) > 1]
    warnings = []
    if len(values("git_commit")) > 1:
        warnings.append("The runs come from different commits: what differs may be the code.")
    if "true" in values("git_dirty"):
        warnings.append("Some runs come from a working tree with changes that were not committed.")
    if several:
        warnings.append(f"The runs come from different versions of {', '.join(several)}.")
    facts: dict[str, Any] = {key: values(key) for key in keys if key != "command"}
    return Origin(values("command"), facts, warnings)

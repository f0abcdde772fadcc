"""Pages beside a report, to look through its pairs slice by slice."""

from collections.abc import Iterable
from pathlib import Path

from pairreg.report.ranking import Ranking
from pairreg.viewer.page import write_page
from pairreg.viewer.scene import Scene


def write_views(ranking: Ranking, pairs: Iterable[str], folder: Path) -> dict[str, Path]:
    """Write a page into `folder` for each of `pairs`, under the best setting that it was run with; return them by pair.

    Of several seeds the first is shown, as by the figures.
    """
    folder.mkdir()
    design = ranking.design
    written = {}
    for number, pair in enumerate(pairs, start=1):
        runs = design.first(pair)
        best, run = next((i, run) for i in ranking.order if (run := runs[i]) is not None)
        written[pair] = folder / f"view_{number:02d}.html"
        write_page(Scene.of(run), f"{design.labels[best]} · {run.signature}", written[pair])
    return written

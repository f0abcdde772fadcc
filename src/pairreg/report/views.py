"""Pages beside a report, to scroll through its 3-D pairs."""

from pathlib import Path

from pairreg.report.ranking import Ranking
from pairreg.viewer.page import write_page
from pairreg.viewer.scene import Scene


def write_views(ranking: Ranking, folder: Path) -> dict[str, Path]:
    """Write a page into `folder` for each 3-D pair, under the best setting that it was run with; return them by pair.

    Of several seeds the first is shown, as by the figures.
    """
    design = ranking.design
    written = {}
    for number, pair in enumerate(design.pairs, start=1):
        runs = design.first(pair)
        best, run = next((i, run) for i in ranking.order if (run := runs[i]) is not None)
        scene = Scene.of(run)
        if scene.ndim == 3:
            folder.mkdir(exist_ok=True)
            written[pair] = folder / f"view_{number:02d}.html"
            write_page(scene, f"{design.labels[best]} · {run.signature}", written[pair])
    return written

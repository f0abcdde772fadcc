"""The deformed image, labels and grid under every regulariser, beside the moving and fixed image."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.figure import Figure

from pairreg.report.charts.zoom import boxes
from pairreg.report.figures.page import page
from pairreg.report.figures.panels import Shown, grey, inscription, label_map, mesh

_COLOURS = ("#377EB8", "#E41A1C")  # blue and red, as published
_LETTERS = 17  # of a title that is as wide as its panel


def figure(runs: Sequence[Shown]) -> Figure:
    """Draw the figure of one pair under every regulariser."""
    first = runs[0].cut
    scene, labelled = first.scene, runs[0].has_labels
    places = boxes([run.cut.scene.warped for run in runs], scene.fixed, first.view, _COLOURS, within=runs[0].body)
    rows = ["Deformed image", *(["Deformed labels"] if labelled else []), "Deformed grid"]
    drawn, given, table = page(
        first.view, len(rows), rows, [fill(run.name.replace("+", " + "), _LETTERS) for run in runs]
    )
    grey(given[0], first, scene.moving)
    grey(given[1], first, scene.fixed)
    inscription(given[0], runs[0].moving)
    inscription(given[1], runs[0].fixed)
    boxed = [given[1], *table[0]]
    for axes, run in zip(table[0], runs, strict=True):
        grey(axes, run.cut, run.cut.scene.warped)
    for axes, run in zip(table[-1], runs, strict=True):
        mesh(axes, run.cut)
    if labelled:
        label_map(given[2], first, scene.moving_labels)
        inscription(given[2], "Moving labels")
        for axes, run in zip(table[1], runs, strict=True):
            label_map(axes, run.cut, run.cut.scene.warped_labels)
        boxed += table[1]
    for axes in boxed:
        for box in places:
            box.draw(axes)
    return drawn

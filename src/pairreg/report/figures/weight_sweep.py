"""The deformed image, with and without gamma correction, labels and grid of every weight, beside what was given."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from pairreg.report.figures.page import page
from pairreg.report.figures.panels import Shown, grey, inscription, label_map, mesh

_GAMMA = 1.8  # as published
_UNREGULARISED = "λ = 0"  # the name of a run whose regulariser has no weight


def figure(runs: Sequence[Shown]) -> Figure:
    """Draw the figure of one pair under every weight of a regulariser."""
    first = runs[0].cut
    labels = ["Deformed labels"] if runs[0].has_labels else []
    columns = ["Deformed image", "Deformed image,\nγ-corrected", *labels, "Deformed grid"]
    rows = [f"{run.name}\n(no reg.)" if run.name == _UNREGULARISED else run.name for run in runs]
    drawn, given, table = page(first.view, 3, rows, columns)
    images = [
        (runs[0].moving, first.scene.moving, 1.0),
        ("Moving, γ-corrected", first.scene.moving, _GAMMA),
        (runs[0].fixed, first.scene.fixed, 1.0),
    ]
    for axes, (name, image, gamma) in zip(given, images, strict=True):
        grey(axes, first, image, gamma)
        inscription(axes, name)
    for line, run in zip(table, runs, strict=True):
        scene = run.cut.scene
        grey(line[0], run.cut, scene.warped)
        grey(line[1], run.cut, scene.warped, _GAMMA)
        if labels:
            label_map(line[2], run.cut, scene.warped_labels)
        mesh(line[-1], run.cut)
    return drawn

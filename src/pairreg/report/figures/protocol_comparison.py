"""The result of every protocol, and below it what the protocol cost and what it gave, beside what was given."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure

from pairreg.figures.labels import overlay
from pairreg.report.figures.page import LINE, page
from pairreg.report.figures.panels import Shown, grey, inscription, mesh

Metrics = Mapping[str, float]
# Titles of the lines below the panels, and what they say of a run; a line that one of the runs lacks is left out.
_LINES: dict[str, Callable[[Metrics], str]] = {
    "Seconds": lambda m: f"{m['seconds']:.3g}",
    "Iterations": lambda m: f"{m['iterations']:.0f}",
    "1−½(PCC+SSIM)": lambda m: f"{1 - (m['pcc'] + m['ssim']) / 2:.3f}",
    "Dice, mean": lambda m: f"{m['dice_mean']:.3f}",
    "Dice, bone": lambda m: f"{m['dice/bone']:.3f}",
    "Folds (%)": lambda m: f"{m['folds_percent']:.2g}",
    "SD log J": lambda m: f"{m['sdlogj']:.2f}",
}


def figure(runs: Sequence[Shown]) -> Figure:
    """Draw the figure of one pair under every protocol.

    The similarity below the panels is the published objective without its regulariser, the same for all protocols; it
    is taken from the images as each of them preprocessed them.
    """
    first = runs[0].cut
    scene, labelled = first.scene, runs[0].has_labels and first.scene.fixed_labels is not None
    rows = ["Deformed image", *(["Labels on fixed"] if labelled else []), "Deformed grid"]
    lines = {title: found for title, line in _LINES.items() if (found := _of_all(line, runs))}
    footer = (len(lines) + 0.5) * LINE
    drawn, given, table = page(first.view, len(rows), rows, [run.name for run in runs], footer=footer)
    for axes, name, image in zip(given, (runs[0].moving, runs[0].fixed), (scene.moving, scene.fixed), strict=False):
        grey(axes, first, image)
        inscription(axes, name)
    for column, run in enumerate(runs):
        grey(table[0][column], run.cut, run.cut.scene.warped)
        mesh(table[-1][column], run.cut)
    if labelled:
        assert scene.moving_labels is not None and scene.fixed_labels is not None
        overlay(scene.fixed, scene.moving_labels, scene.fixed_labels)(given[2], first.view)
        inscription(given[2], "Moving labels")
        for axes, run in zip(table[1], runs, strict=True):
            one = run.cut.scene
            assert one.warped_labels is not None and one.fixed_labels is not None
            overlay(one.fixed, one.warped_labels, one.fixed_labels)(axes, run.cut.view)
    height = drawn.get_size_inches()[1]
    for row, (title, values) in enumerate(lines.items()):
        y = (footer - row * LINE) / height
        drawn.text(given[0].get_position().x1, y, title, ha="right", va="top")
        for axes, value in zip(table[0], values, strict=True):
            box = axes.get_position()
            drawn.text((box.x0 + box.x1) / 2, y, value, ha="center", va="top")
    return drawn


def _of_all(line: Callable[[Metrics], str], runs: Sequence[Shown]) -> list[str]:
    """Return what a line says of every run; nothing if one of them lacks a metric."""
    try:
        return [line(run.metrics) for run in runs]
    except KeyError:
        return []

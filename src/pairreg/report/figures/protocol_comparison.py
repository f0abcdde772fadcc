"""The result of every protocol, and below it what the protocol cost and what it gave, beside what was given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from pairreg.figures.labels import overlay
from pairreg.report.figures.page import LINE, page
from pairreg.report.figures.panels import Shown, grey, inscription, mesh

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class _Line:
    """A line below the panels: its title, the metrics that it needs, and what it says of their values."""

    title: str
    metrics: tuple[str, ...]
    text: Callable[..., str]

    def of(self, metrics: Metrics) -> str:
        """Return what the line says of a run, a dash if the run has not all of the metrics."""
        return self.text(*(metrics[name] for name in self.metrics)) if self.fits(metrics) else "–"

    def fits(self, metrics: Metrics) -> bool:
        """Return whether a run has all of the metrics."""
        return metrics.keys() >= set(self.metrics)


_LINES = (
    _Line("Seconds", ("seconds",), "{:.3g}".format),
    _Line("Iterations", ("iterations",), "{:.0f}".format),
    _Line("1−½(PCC+SSIM)", ("pcc", "ssim"), lambda pcc, ssim: f"{1 - (pcc + ssim) / 2:.3f}"),
    _Line("Dice, mean", ("dice_mean",), "{:.3f}".format),
    _Line("Dice, bone", ("dice/bone",), "{:.3f}".format),
    _Line("Folds (%)", ("folds_percent",), "{:.2g}".format),
    _Line("SD log J", ("sdlogj",), "{:.2f}".format),
)


def figure(runs: Sequence[Shown]) -> Figure:
    """Draw the figure of one pair under every protocol.

    The similarity below the panels is the published objective without its regulariser, the same for all protocols; it
    is taken from the images as each of them preprocessed them. A dash stands for what one of the runs does not have.
    """
    first = runs[0].cut
    scene, labelled = first.scene, runs[0].has_labels and first.scene.fixed_labels is not None
    rows = ["Deformed image", *(["Labels on fixed"] if labelled else []), "Deformed grid"]
    lines = [line for line in _LINES if any(line.fits(run.metrics) for run in runs)]
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
    for row, line in enumerate(lines):
        y = (footer - row * LINE) / height
        drawn.text(given[0].get_position().x1, y, line.title, ha="right", va="top")
        for axes, run in zip(table[0], runs, strict=True):
            box = axes.get_position()
            drawn.text((box.x0 + box.x1) / 2, y, line.of(run.metrics), ha="center", va="top")
    return drawn

"""Panels that the figures of a paper share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patheffects import withStroke

from pairreg.figures.grid import grid_lines, round_step
from pairreg.figures.labels import label_values
from pairreg.figures.sheet import frame, show
from pairreg.figures.style import colour
from pairreg.report.charts.planes import Place, Plane, planes
from pairreg.report.figures.names import fixed_name, moving_name, name
from pairreg.runs.factors import Factor
from pairreg.runs.read import Run

_GRID_LINES = 32  # along the longer side
_BODY = "0.35"  # of the largest label, which usually surrounds the others


@dataclass(frozen=True)
class Shown:
    """One run of a figure: its planes, of which most figures draw the first, and the titles of it and its images."""

    name: str
    moving: str
    fixed: str
    planes: Sequence[Plane]
    run: Run

    @classmethod
    def of(cls, run: Run, among: Sequence[Factor], at: Place | None = None) -> "Shown":
        """Return a run with its titles; `among`: the factors of the study; `at`: as `planes` takes it."""
        cuts = planes(run.figure_arrays, count=3, at=at)
        return cls(name(run, among), moving_name(run, among), fixed_name(run), cuts, run)

    @property
    def cut(self) -> Plane:
        """The plane that most figures draw."""
        return self.planes[0]

    @property
    def body(self) -> np.ndarray | None:
        """Where the fixed image has a label, in the plane that most figures draw; None if it has no labels."""
        labels = self.cut.scene.fixed_labels
        return None if labels is None else labels > 0

    @property
    def metrics(self) -> Mapping[str, float]:
        """The final metrics of the run by name."""
        return self.run.metrics

    @property
    def has_labels(self) -> bool:
        """Whether the run has a warped label map."""
        return self.cut.scene.warped_labels is not None


def grey(axes: Axes, cut: Plane, image: np.ndarray, gamma: float = 1.0) -> None:
    """Draw an image in [0, 1] in grey.

    **Arguments:** `gamma`: above 1 it darkens what is bright, so that soft tissue shows its differences.
    """
    show(axes, cut.view, np.clip(image, 0, 1) ** gamma, cmap="gray", vmin=0, vmax=1)


def label_map(axes: Axes, cut: Plane, labels: np.ndarray | None) -> None:
    """Draw a label map in the colours of the run's other figures, but the largest moving label in grey.

    The colours agree if labels are numbered from 1.
    """
    assert labels is not None and cut.scene.moving_labels is not None
    areas = {
        value: np.count_nonzero(cut.scene.moving_labels == value) for value in label_values(cut.scene.moving_labels)
    }
    largest = max(areas, key=lambda value: areas[value], default=0)
    picture = np.zeros((*labels.shape, 3))
    for value in label_values(labels):
        picture[labels == value] = to_rgb(_BODY if value == largest else colour(value - 1))
    show(axes, cut.view, picture)


def mesh(axes: Axes, cut: Plane) -> None:
    """Draw the deformed grid alone, black on white."""
    frame(axes, cut.view)
    axes.spines[:].set_visible(True)
    grid_lines(
        axes, cut.view, cut.scene.field, cut.scene.spacing, round_step(max(cut.view.size) / _GRID_LINES), "black"
    )


def inscription(axes: Axes, text: str) -> None:
    """Write a title inside a panel."""
    outline = [withStroke(linewidth=2, foreground="black")]
    axes.text(0.5, 0.97, text, transform=axes.transAxes, ha="center", va="top", color="white", path_effects=outline)

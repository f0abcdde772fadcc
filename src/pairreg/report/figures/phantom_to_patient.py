"""A phantom and the patient it becomes: image, organs, activity and grid after the deformation, a row per plane."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pairreg.figures.labels import label_values
from pairreg.figures.sheet import Sheet, positions, sheet, show
from pairreg.pair.phantom.torso import label_names
from pairreg.report.charts.planes import Plane
from pairreg.report.figures.page import WIDTH
from pairreg.report.figures.panels import Shown, grey, label_map, mesh
from pairreg.spect.tissues import tissue_values, unknown_tissues

Panel = Callable[[Axes, Plane], None]
_BONE, _VESSEL, _KIDNEY, _AIR = "#F2E8CF", "#D62839", "#B5179E", "#8ECAE6"
ORGANS = {
    "body": "#5C4742", "fat": "#4A4A3C", "muscle": "#6E3B3B", "lung_right": "#2A6F97", "lung_left": "#468FAF",
    "heart": "#BA181B", "aorta": _VESSEL, "trachea": _AIR, "liver": "#9C6644", "spleen": "#7B2CBF",
    "kidney_right": _KIDNEY, "kidney_left": _KIDNEY, "stomach": "#E9A23B", "bladder": "#FFD60A", "discs": "#80B192",
    "spinal_canal": "#FFF06A", "cartilage": "#80B192",
}  # fmt: skip
_OUTLINE = "#39FF88"  # of the patient's bones and lungs
_HOTTEST = 12.0  # activity that is black: bone is 10, only urine is hotter
_LINE, _LETTERS = 0.14, 112  # height of a line of text in inches, and what it holds


def figure(runs: Sequence[Shown]) -> Figure:
    """Draw the planes of all runs in rows, with their Dice coefficients below."""
    panels = _columns(runs[0])
    rows = [(cut, _row_name(run, cut, len(runs) > 1)) for run in runs for cut in run.planes]
    views = [replace(cut.view, name=name) for cut, name in rows]
    notes = [line for run in runs for line in wrap(_overlap(run), _LETTERS)]
    page = sheet(
        views, len(panels), title=None, width=WIDTH, footer=_LINE * (len(notes) + 0.5), titled=[0], header=0.36
    )
    for axes, (title, _) in zip(page.axes[0], panels, strict=True):
        axes.set_title(title.replace(" ", "\n", 1), linespacing=1.1)
    for line, (cut, _) in zip(page.axes, rows, strict=True):
        for axes, (_, draw) in zip(line, panels, strict=True):
            draw(axes, cut)
    _separate(page)
    for i, note in enumerate(notes, start=1):
        page.figure.text(0.5, _LINE * (len(notes) - i + 0.5) / page.figure.get_size_inches()[1], note, ha="center")
    return page.figure


def _columns(run: Shown) -> list[tuple[str, Panel]]:
    """Return titles, and functions that draw a panel; what the run does not have is left out."""
    scene = run.cut.scene
    channels = scene.channels
    found: list[tuple[str, Panel]] = [
        (run.moving.replace("Moving", "Phantom"), lambda axes, cut: grey(axes, cut, cut.scene.moving)),
        ("Patient", lambda axes, cut: grey(axes, cut, cut.scene.fixed)),
        ("Deformed phantom", lambda axes, cut: grey(axes, cut, cut.scene.warped)),
    ]
    if "organs" in channels:
        found.append(("Deformed organs", _organ_map))
    elif run.has_labels:
        found.append(("Deformed labels", lambda axes, cut: label_map(axes, cut, cut.scene.warped_labels)))
    labels = scene.warped_labels
    if "activity" in channels or (labels is not None and not unknown_tissues(labels, scene.label_names)):
        found.append(("Deformed activity", _activity))
    return [*found, ("Deformed grid", mesh)]


def _row_name(run: Shown, cut: Plane, several: bool) -> str:
    """Return the name of a row: the run, if there are several, and the plane."""
    return "\n".join([run.name] * several + [cut.view.name] * bool(cut.view.name))


def _organ_map(axes: Axes, cut: Plane) -> None:
    """Draw organs in their colours, and outlines of the patient's labels but the first, the rest of the body."""
    organs, picture = cut.scene.channels["organs"], np.zeros((*cut.view.shape, 3))
    for value, name in label_names().items():
        picture[organs == value] = to_rgb(ORGANS.get(name, _BONE))
    show(axes, cut.view, picture)
    if cut.scene.fixed_labels is not None:
        for value in label_values(cut.scene.fixed_labels)[1:]:
            region = (cut.scene.fixed_labels == value).astype(float)
            axes.contour(*positions(cut.view), region, levels=[0.5], colors=[_OUTLINE], linewidths=0.35)


def _activity(axes: Axes, cut: Plane) -> None:
    """Draw the activity that was carried along, or else that of the tissues of the warped labels."""
    scene = cut.scene
    values = scene.channels.get("activity")
    if values is None:
        assert scene.warped_labels is not None, "else there is no such panel"
        values = tissue_values(scene.warped_labels, scene.label_names, "activity")
    show(axes, cut.view, values, cmap="gray_r", vmin=0, vmax=_HOTTEST)


def _separate(page: Sheet) -> None:
    """Draw a dashed line between what was given and the results."""
    left, right = (page.axes[0][column].get_position() for column in (1, 2))
    x, low = (left.x1 + right.x0) / 2, page.axes[-1][0].get_position().y0
    page.figure.add_artist(Line2D([x, x], [low, right.y1], color="0.3", linewidth=0.8, linestyle=(0, (5, 3))))


def _overlap(run: Shown) -> str:
    """Return the Dice coefficients of a run in words; nothing if it has no labels."""
    keys = [key for key in run.metrics if key.startswith("dice/")]
    numbers = [" → ".join(f"{run.metrics[stage + key]:.2f}" for stage in ("before/", "initial/", "")) for key in keys]
    parts = [f"{k.removeprefix('dice/').replace('_', ' ')} {n}" for k, n in zip(keys, numbers, strict=True)]
    return f"Dice (before → initialised → deformed): {', '.join(parts)}" if parts else ""

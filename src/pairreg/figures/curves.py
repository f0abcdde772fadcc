"""The course of the optimisation: the loss and each of its terms."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pairreg.figures.style import BLUE, STYLE, VERMILION, literal, plain_decades, plain_numbers, save

_PANEL = (2.7, 1.9)  # inches
_LETTER = 0.065  # inches, of the note
_NARROW = 0.15  # share of a panel, in reports, too, that the name of a level takes
# How the names of the curves begin that are drawn, in this order.
KINDS = ("loss", "similarity/", "regularizer/")


@matplotlib.rc_context(STYLE)
def curves(
    path: str | Path,
    *,
    history: Mapping[str, np.ndarray],
    levels: Sequence[str] | None = None,
    title: str | None = None,
    note: str = "",
) -> Path:
    """Draw the total loss and every term over the iterations, the levels of the schedule as bands; return the path.

    **Arguments:** `history`: arrays `(iterations,)` under "loss", "similarity/NAME", "regularizer/NAME" (unweighted)
    and, if there are levels, "level" (the number of the level of each iteration); other keys are left out. `levels`:
    names of the levels in order, by default their numbers. `note`: a sentence below the panels.

    A term that stays above 0 and spans more than a decade gets a logarithmic axis.

    **Raises:** `ValueError` if there is nothing to draw.
    """
    terms = [key for kind in KINDS for key in history if key.startswith(kind)]
    if not terms:
        raise ValueError(f"history should have 'loss', 'similarity/…' or 'regularizer/…'; it has {sorted(history)}")
    columns = 2 if len(terms) == 4 else min(len(terms), 3)
    rows = -(-len(terms) // columns)
    figure = Figure(figsize=(_PANEL[0] * columns, _PANEL[1] * rows + (0.3 if title else 0.1)), layout="constrained")
    if title:
        figure.suptitle(literal(title), fontsize=9.5, fontweight="bold")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    bands = level_bands(history.get("level"), levels)
    for axes, key in zip(panels, terms, strict=False):
        draw_term(axes, key, np.asarray(history[key], float), bands)
    for axes in panels[len(terms) :]:
        axes.remove()
    _label_iterations(list(panels[: len(terms)]), columns)
    if note:
        figure.supxlabel(literal(textwrap.fill(note, int(_PANEL[0] * columns / _LETTER))), fontsize=7.5)
    return save(figure, path)


def draw_term(axes: Axes, key: str, values: np.ndarray, bands: Sequence[tuple[int, int, str]]) -> None:
    """Draw the curve of one term, whose `key` gives title and colour, and the bands of the levels."""
    kind, _, name = key.partition("/")
    axes.set_title("total loss" if not name else literal(f"{kind}: {name}"))
    iterations = np.arange(1, len(values) + 1)
    marker = "o" if len(values) == 1 else None
    axes.plot(iterations, values, color=_line_colour(kind), marker=marker, markersize=3)
    value_axis(axes, values)
    axes.set_xlim(0.5, len(values) + 0.5)
    axes.spines[["top", "right"]].set_visible(False)
    if bands:
        headroom(axes)
        draw_bands(axes, bands)


def value_axis(axes: Axes, values: np.ndarray) -> None:
    """Scale the axis of the `values` of a term and give it plain numbers."""
    if log_scaled(values):
        axes.set_yscale("log")
        plain_decades(axes.yaxis)
    else:
        plain_numbers(axes.yaxis)


def headroom(axes: Axes) -> None:
    """Make room for the names of the levels above the curve."""
    low, high = axes.get_ylim()
    # An eighth of the height holds the names, at their 6.5 points.
    axes.set_ylim(low, high * (high / low) ** 0.12 if axes.get_yscale() == "log" else high + 0.12 * (high - low))


def _line_colour(kind: str) -> str:
    """Return the colour of the loss, a similarity or a regulariser."""
    return {"loss": "black", "similarity": BLUE, "regularizer": VERMILION}[kind]


def log_scaled(values: np.ndarray) -> bool:
    """Return whether all finite values are above 0 and span more than a decade."""
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > 10 * finite.min())


def level_bands(level: np.ndarray | None, names: Sequence[str] | None) -> list[tuple[int, int, str]]:
    """Return first and last iteration (from 1) and name of each stretch of one level.

    `level` is the number of the level of each iteration. One level needs no band, so the list is empty then.
    """
    if level is None or len(level) == 0:
        return []
    level = np.asarray(level)
    starts = np.flatnonzero(np.diff(level, prepend=np.nan) != 0)
    ends = np.append(starts[1:], len(level))
    if len(starts) == 1:
        return []
    labels = [f"level {level[s]:g}" for s in starts] if names is None else list(names)
    return [(int(s) + 1, int(e), n) for s, e, n in zip(starts, ends, labels, strict=True)]


def draw_bands(axes: Axes, bands: Sequence[tuple[int, int, str]]) -> None:
    """Shade every other band, draw a line between bands, and write the names at the top.

    A band that is too narrow for its name has the last word of it, such as the number of a level.
    """
    for i, (first, last, name) in enumerate(bands):
        if i % 2:
            axes.axvspan(first - 0.5, last + 0.5, color="0.93", zorder=0, linewidth=0)
        if i:
            axes.axvline(first - 0.5, color="0.6", linewidth=0.6, linestyle=(0, (3, 2)), zorder=1)
        middle = (first + last) / 2
        said = name if last - first > _NARROW * bands[-1][1] else name.rpartition(" ")[2]
        axes.text(
            middle, 0.985, said, transform=axes.get_xaxis_transform(), ha="center", va="top", size=6.5, color="0.35"
        )


def _label_iterations(panels: Sequence[Axes], columns: int) -> None:
    """Label the iterations below the lowest panel of each column only."""
    for axes in panels[-columns:]:
        axes.set_xlabel("iteration")
        axes.tick_params(labelbottom=True)

"""The layout of a page with what was given on the left, and a table of results beside it."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pairreg.figures.sheet import EDGE, GAP
from pairreg.figures.style import literal
from pairreg.figures.views import View

WIDTH, _NARROWEST = 7.2, 1.05  # inches: a page of two columns, and a panel
STRIP, LINE = 0.5, 0.14  # inches between the left column and the table, and of a line of text
_LETTER = 0.075  # inches of text that a letter takes


def page(
    view: View, left: int, rows: Sequence[str], columns: Sequence[str], *, footer: float = 0.0
) -> tuple[Figure, list[Axes], list[list[Axes]]]:
    """Return a figure, its `left` panels and its table `[row][column]` of panels.

    `rows` and `columns` are the names of those of the table; `footer` is the room below it in inches.
    """
    count = len(columns)
    cell = max(_NARROWEST, (WIDTH - STRIP - 2 * EDGE - (count - 1) * GAP) / (count + 1))
    height = cell * view.size[0] / view.size[1]
    header = max(name.count("\n") + 1 for name in columns) * LINE + 0.06
    lines = max(left, len(rows))
    width, total = STRIP + 2 * EDGE + cell + count * (cell + GAP) - GAP, header + lines * (height + GAP) + EDGE + footer
    figure = Figure(figsize=(width, total))

    def panel(row: int, x: float) -> Axes:
        top = total - header - row * (height + GAP)
        return figure.add_axes((x / width, (top - height) / total, cell / width, height / total))

    start = EDGE + cell + STRIP
    given = [panel(row, EDGE) for row in range(left)]
    table = [[panel(row, start + k * (cell + GAP)) for k in range(count)] for row in range(len(rows))]
    for axes, name in zip(table[0], columns, strict=True):
        axes.set_title(literal(name), linespacing=1.1)
    letters = max(1, int(height / _LETTER))  # beside a wide image there is room for short lines only
    for line, name in zip(table, rows, strict=True):
        box, lines_of_name = line[0].get_position(), [fill(part, letters) for part in name.splitlines()]
        figure.text(
            (start - 0.07) / width, (box.y0 + box.y1) / 2, "\n".join(lines_of_name), rotation=90, ha="right",
            va="center", multialignment="center", linespacing=1.1,
        )  # fmt: skip
    x = (EDGE + cell + 0.09) / width
    figure.add_artist(Line2D([x, x], [0.01, 0.99], color="0.3", linewidth=0.8, linestyle=(0, (5, 3))))
    return figure, given, table

"""The moving and the fixed image, and the result of every similarity; three places are enlarged below each panel."""

from collections.abc import Sequence
from string import ascii_lowercase

from matplotlib.figure import Figure

from pairreg.figures.sheet import sheet
from pairreg.figures.style import literal
from pairreg.report.charts.zoom import boxes, enlarge, strip
from pairreg.report.figures.page import WIDTH
from pairreg.report.figures.panels import Shown, grey

_COLUMNS = 4
_COLOURS = ("#4DAF4A", "#E41A1C", "#377EB8")  # green, red and blue, as published


def figure(runs: Sequence[Shown]) -> Figure:
    """Draw the figure of one pair under every similarity."""
    first = runs[0].cut
    scene, view = first.scene, first.view
    places = boxes([run.cut.scene.warped for run in runs], scene.fixed, view, _COLOURS, within=runs[0].body)
    given = [(runs[0].moving, first, scene.moving), (runs[0].fixed, first, scene.fixed)]
    panels = [*given, *((run.name, run.cut, run.cut.scene.warped) for run in runs)]
    blocks = -(-len(panels) // _COLUMNS)
    rows = [view, strip(view, len(_COLOURS))] * blocks
    page = sheet(rows, _COLUMNS, title=None, width=WIDTH, footer=0, titled=range(0, len(rows), 2))
    for i in range(blocks * _COLUMNS):
        row, column = divmod(i, _COLUMNS)
        whole, enlarged = page.axes[2 * row][column], page.axes[2 * row + 1][column]
        if i < len(panels):
            name, cut, image = panels[i]
            whole.set_title(literal(f"({ascii_lowercase[i % 26]}) {name}"))
            grey(whole, cut, image)
        else:
            whole.remove()
        if 0 < i < len(panels):
            for box in places:
                box.draw(whole)
            enlarge(enlarged, places, len(_COLOURS), cut.view, image)
        else:
            enlarged.remove()
    return page.figure

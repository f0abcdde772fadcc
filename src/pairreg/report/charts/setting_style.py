"""The style of a setting, the same in every figure of a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axis import Axis
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pairreg.figures.style import BLUE, STYLE, VERMILION, any_script, literal, save
from pairreg.files import replacing
from pairreg.report.design import Design
from pairreg.runs.factors import in_order

# Okabe and Ito's colours that show on white
_COLOURS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "os^Dv<>PX*"
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
PRINTED: Any = STYLE | {"pdf.fonttype": 42}  # publishers want fonts that can be edited


@dataclass(frozen=True)
class SettingStyle:
    """The label, colour, marker and dash of one setting."""

    label: str
    colour: str
    marker: str
    dash: Any

    def marks(self, size: float) -> dict[str, Any]:
        """Return how its markers look, `size` points large."""
        return {"color": self.colour, "markersize": size, "markeredgecolor": "white" if size > 5 else "none"}

    @property
    def handle(self) -> Line2D:
        """An entry for the legend of lines and of markers."""
        return Line2D(
            [], [], color=self.colour, linestyle=self.dash, marker=self.marker, label=literal(self.label), markersize=4
        )


def setting_styles(design: Design) -> list[SettingStyle]:
    """Return the style of every setting: the colour tells the first factor, marker and dash the others.

    The values of a number have colours in their order, dark to light.
    """
    first = [one[0] if one else None for one in design.settings]
    values = [None] * (None in first) + list(in_order(first))
    ramp = len(values) > len(_COLOURS) or bool(design.factors and design.factors[0].is_number and len(values) > 2)
    colours = _shades(len(values)) if ramp else _COLOURS
    others = list(dict.fromkeys(one[1:] for one in design.settings))
    found = []
    for name, value, one in zip(design.labels, first, design.settings, strict=True):
        colour, other = values.index(value), others.index(one[1:])
        marker = _MARKERS[(other if len(others) > 1 else colour) % len(_MARKERS)]
        found.append(SettingStyle(name, colours[colour], marker, _DASHES[other % len(_DASHES)]))
    return found


def _shades(count: int) -> list[str]:
    """Return `count` colours of viridis, without its yellow end, which vanishes on white."""
    ramp = matplotlib.colormaps["viridis"]
    return [to_hex(ramp(0.88 * i / max(count - 1, 1))) for i in range(count)]


def legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Add a legend below the panels, in as many columns as the labels leave room for.

    More than two rows make the figure taller.
    """
    widest = max(len(str(handle.get_label())) for handle in handles) * 0.062 + 0.5
    width, height = figure.get_size_inches()
    columns = max(1, min(len(handles), int(width / widest)))
    figure.set_size_inches(width, height + 0.17 * max(0, -(-len(handles) // columns) - 2))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, handlelength=2.6)


def plain_decades(axis: Axis, within: Sequence[int] = (1, 3)) -> None:
    """Give a logarithmic axis plain numbers, several in a decade (`within`): values often span little more than one."""
    axis.set_major_locator(LogLocator(subs=within, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def save_both(figure: Figure, folder: Path, name: str) -> Path:
    """Write a figure as PNG, whose path is returned, and as PDF."""
    with any_script(), replacing(folder / f"{name}.pdf") as part:
        figure.savefig(part)
    figure.set_layout_engine("none")  # what was laid out once stays
    return save(figure, folder / f"{name}.png")

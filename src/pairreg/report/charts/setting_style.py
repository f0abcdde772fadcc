"""The style of a setting, the same in every figure of a report."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pairreg.figures.style import BLUE, STYLE, VERMILION, any_script, literal, save
from pairreg.files import replacing
from pairreg.report.design import Design
from pairreg.runs.factors import in_order

# Okabe and Ito's colours that show on white
_COLOURS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_BETWEEN = " · "  # the parts of a setting's name
_LETTER, _HANDLE = 0.062, 0.5  # inches, of the legend's text and of the line beside it
_MARKERS = "os^Dv<>PX*"
_FILLS = ("full", "none", "left", "right", "top", "bottom")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
PRINTED: Any = STYLE | {"pdf.fonttype": 42}  # publishers want fonts that can be edited


@dataclass(frozen=True)
class SettingStyle:
    """The label, colour, marker, dash and fill (of its markers, as Matplotlib calls it) of one setting."""

    label: str
    colour: str
    marker: str
    dash: Any
    fill: Any = "full"

    def marks(self, size: float) -> dict[str, Any]:
        """Return how its markers look, `size` points large."""
        apart = size > 5 and self.fill == "full"  # large ones lie over each other
        return {
            "marker": self.marker,
            "color": self.colour,
            "markersize": size,
            "fillstyle": self.fill,
            "markerfacecoloralt": "white",
            "markeredgecolor": "white" if apart else self.colour,
            "markeredgewidth": 1.0 if apart else 0.18 * size,
        }

    @property
    def handle(self) -> Line2D:
        """An entry for the legend of lines and of markers."""
        return Line2D([], [], linestyle=self.dash, label=literal(self.label), **self.marks(4))


def setting_styles(design: Design) -> list[SettingStyle]:
    """Return the style of every setting: colour and fill tell the first factor, marker and dash the others.

    So settings are told apart in grey, too. The values of a number have colours in their order, dark to light. Where
    half of the combinations are not there, as of presets that only one of many methods has, no factor groups the
    settings, and each has a colour of its own as long as there are enough.
    """
    number = bool(design.factors and design.factors[0].is_number)
    if not number and len(design.settings) <= min(len(_COLOURS), _combinations(design) / 2):
        return [
            SettingStyle(name, colour, marker, _DASHES[i % len(_DASHES)])
            for i, (name, colour, marker) in enumerate(zip(design.labels, _COLOURS, _MARKERS, strict=False))
        ]
    first = [one[0] if one else None for one in design.settings]
    values = [None] * (None in first) + list(in_order(first))
    ramp = len(values) > len(_COLOURS) or (number and len(values) > 2)
    colours = _shades(len(values)) if ramp else _COLOURS
    others = list(dict.fromkeys(one[1:] for one in design.settings))
    found = []
    for name, value, one in zip(design.labels, first, design.settings, strict=True):
        colour, other = values.index(value), others.index(one[1:])
        marker = _MARKERS[(other if len(others) > 1 else colour) % len(_MARKERS)]
        fill = _FILLS[(colour + other // len(_MARKERS)) % len(_FILLS) if len(others) > 1 else 0]
        found.append(SettingStyle(name, colours[colour], marker, _DASHES[other % len(_DASHES)], fill))
    return found


def _combinations(design: Design) -> int:
    """Return how many settings there would be if every value of a factor met all values of the others."""
    return math.prod(len(set(values)) for values in zip(*design.settings, strict=True))


def _shades(count: int) -> list[str]:
    """Return `count` colours of viridis, without its yellow end, which vanishes on white."""
    ramp = matplotlib.colormaps["viridis"]
    return [to_hex(ramp(0.88 * i / max(count - 1, 1))) for i in range(count)]


def legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Add a legend below the panels, in as many columns as the labels leave room for.

    Long ones are broken into lines, and more than two rows make the figure taller.
    """
    width, height = figure.get_size_inches()
    for handle in handles:
        handle.set_label(broken(str(handle.get_label()), int((width - _HANDLE) / _LETTER)))
    texts = [str(handle.get_label()).split("\n") for handle in handles]
    widest = max(len(line) for text in texts for line in text) * _LETTER + _HANDLE
    columns = max(1, min(len(handles), int(width / widest)))
    rows = -(-len(handles) // columns) * max(map(len, texts))
    figure.set_size_inches(width, height + 0.17 * max(0, rows - 2))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, handlelength=2.6)


def broken(label: str, letters: int) -> str:
    """Return the name of a setting in lines of at most so many letters, broken between its parts where that is enough.

    What is longer than a line itself is broken anywhere: a name that is cut off may be that of another setting.
    """
    lines = [""]
    for part in label.split(_BETWEEN):
        joined = f"{lines[-1]}{_BETWEEN}{part}" if lines[-1] else part
        if len(joined) <= letters:
            lines[-1] = joined
        else:
            lines += textwrap.wrap(part, letters)
    return "\n".join(line for line in lines if line)


def save_both(figure: Figure, folder: Path, name: str) -> Path:
    """Write a figure as PNG, whose path is returned, and as PDF."""
    with any_script(), replacing(folder / f"{name}.pdf") as part:
        figure.savefig(part)
    figure.set_layout_engine("none")  # what was laid out once stays
    return save(figure, folder / f"{name}.png")

"""One style for all figures."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, FuncFormatter, LogLocator, NullFormatter

from pairreg.files import replacing

DPI = 180  # of PNG files
STYLE: Any = {
    "figure.dpi": DPI,  # legends are measured before they are placed, and letters are not as wide at every resolution
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same figure on every machine
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titlepad": 4,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.2,
}
# Okabe and Ito's colours, told apart with any colour vision; black and grey left out (they vanish on an image)
BLUE, VERMILION = "#0072B2", "#D55E00"
COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", VERMILION, BLUE)
FOLDED = "#000000"


def colour(index: int) -> str:
    """Return the colour with this index; they repeat."""
    return COLOURS[index % len(COLOURS)]


def literal(name: str) -> str:
    """A name as Matplotlib shows it unchanged: no formula between `$`, no entry left out of a legend for a `_`."""
    return (f" {name}" if name.startswith("_") else name).replace("$", r"\$")


def plain_numbers(axis: Axis) -> None:
    """Give the ticks of an axis plain numbers, each whole: no power of ten stands apart from them."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: Formatter.fix_minus(f"{value:g}")))


def plain_decades(axis: Axis, within: Sequence[int] = (1, 3)) -> None:
    """Give a logarithmic axis plain numbers, several in a decade (`within`): values often span little more than one."""
    axis.set_major_locator(LogLocator(subs=within, numticks=8))
    axis.set_minor_formatter(NullFormatter())
    plain_numbers(axis)


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, also into a folder that does not exist yet; return its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with any_script(), replacing(path) as part:
        figure.savefig(part, dpi=DPI, facecolor="white")
    return path


@contextmanager
def any_script() -> Iterator[None]:
    """No warning about names in a script that the font lacks: they are drawn as boxes, and tables have them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield

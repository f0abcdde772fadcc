"""Small pictures of a run, between which the page flickers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pairreg.figures.data_uri import compressed
from pairreg.figures.style import DPI
from pairreg.report.charts.planes import Place, Plane, planes
from pairreg.runs.read import Run

_LONGEST = 360  # pixels of a picture's longer side
_PIXELS_PER_INCH = 75  # at which 7-point text is legible


@dataclass(frozen=True)
class Flicker:
    """The pictures of one run.

    **Attributes:** `heading`, `detail`: texts below; `frames`: data URIs by what they show, in the order in which they
    take turns; `at`: where they are cut.
    """

    heading: str
    detail: str
    frames: Mapping[str, str]
    at: Place


def flicker(run: Run, heading: str, detail: str, at: Place | None) -> Flicker:
    """Return the moving, warped and fixed image of a run in its first plane; see `planes` for where it is cut."""
    cut = planes(run.figure_arrays, at=at)[0]
    names = {"moving": "moving (initialised)", "warped": "warped", "fixed": "fixed"}
    frames = {text: _picture(getattr(cut.scene, name), cut) for name, text in names.items()}
    return Flicker(heading, detail, frames, cut.at)


def _picture(image: np.ndarray, cut: Plane) -> str:
    """Return a plane in [0, 1] as the data URI of a JPEG with square pixels."""
    grey = Image.fromarray((255 * np.clip(np.nan_to_num(image), 0, 1)).astype(np.uint8)[:: -1 if cut.view.up else 1])
    scale = _LONGEST / max(cut.view.size)
    height, width = (max(1, round(scale * size)) for size in cut.view.size)
    return compressed(grey.resize((width, height), Image.Resampling.BICUBIC), "JPEG")


def embedded(path: Path) -> str:
    """Return a figure's PNG as the data URI of a smaller WebP."""
    with Image.open(path) as image:
        return compressed(image.convert("RGB"), "WEBP")


def legible(path: Path) -> int:
    """Return the width in CSS pixels below which the text of a figure is too small to read."""
    with Image.open(path) as image:
        return round(image.width / DPI * _PIXELS_PER_INCH)

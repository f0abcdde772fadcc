"""The parts of an image worth enlarging: where settings disagree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from scipy.ndimage import gaussian_filter
from skimage.transform import resize

from pairreg.figures.sheet import show
from pairreg.figures.views import View

_PART = 0.22  # side of a box, of the shorter side of the image
_APART = 1.25  # least distance of two boxes, in their sides
_FAINT = 0.02  # intensity that shows nothing
BOX_COLOURS = ("#F0E442", "#56B4E9")


@dataclass(frozen=True)
class Box:
    """A square in the millimetres of a view: its lowest column and row, and its side."""

    x: float
    y: float
    side: float
    colour: str

    def draw(self, axes: Axes) -> None:
        """Draw the outline of the box."""
        for width, colour in ((2.2, "black"), (1.2, self.colour)):
            axes.add_patch(Rectangle((self.x, self.y), self.side, self.side, fill=False, edgecolor=colour, lw=width))

    def crop(self, axes: Axes, view: View, image: np.ndarray) -> None:
        """Draw what lies in the box, with its colour as frame."""
        show(axes, view, image, cmap="gray", vmin=0, vmax=1)
        axes.set_xlim(self.x, self.x + self.side)
        axes.set_ylim(*((self.y, self.y + self.side) if view.up else (self.y + self.side, self.y)))
        axes.spines[:].set(visible=True, color=self.colour, linewidth=1.5)


def boxes(
    warped: Sequence[np.ndarray],
    fixed: np.ndarray,
    view: View,
    colours: Sequence[str] = BOX_COLOURS,
    *,
    within: np.ndarray | None = None,
) -> list[Box]:
    """Return squares around the highest variance (smoothed) over the images in `warped`, not overlapping.

    **Arguments:** `warped`, `fixed`: `(rows, columns)`; `colours`: of the squares, one each. Of a single image the
    squares show where it differs most from `fixed`. Where one has nothing to show and `fixed` has, the moving image
    does not reach, which says little of the settings. `within`, `(rows, columns)`, is where it matters, such as a body;
    None: everywhere. Images of another shape (a grid of other spacing) are resampled.
    """
    same = [image if image.shape == view.shape else resize(image, view.shape) for image in warped]
    disagreement = np.var(same, axis=0) if len(same) > 1 else (same[0] - fixed) ** 2
    empty = np.any([image <= image.min() + _FAINT for image in same], axis=0) & (fixed > fixed.min() + _FAINT)
    disagreement = np.where(empty | (False if within is None else ~within), 0, disagreement)
    side = _PART * min(view.size)
    cells = [min(n / 2, side / step) for n, step in zip(view.shape, view.spacing, strict=True)]
    score = gaussian_filter(disagreement.astype(float), [n / 4 for n in cells])
    rows, columns = np.indices(view.shape)
    inside = abs(rows - (view.shape[0] - 1) / 2) <= (view.shape[0] - cells[0]) / 2
    score[~(inside & (abs(columns - (view.shape[1] - 1) / 2) <= (view.shape[1] - cells[1]) / 2))] = -1
    found = []
    for colour in colours:
        row, column = np.unravel_index(score.argmax(), score.shape)
        if score[row, column] < 0:
            break  # an image so small that one box covers it
        y, x = (float(i * s - side / 2) for i, s in zip((row, column), view.spacing, strict=True))
        found.append(Box(x, y, side, colour))
        score[(abs(rows - row) < _APART * cells[0]) & (abs(columns - column) < _APART * cells[1])] = -1
    return found


def strip(view: View, count: int) -> View:
    """Return the view of a row of `count` enlarged squares, as wide as `view`."""
    side = view.size[1] / count
    return View("", None, None, (side, side), (1, count), up=view.up)


def enlarge(axes: Axes, places: Sequence[Box], count: int, view: View, image: np.ndarray) -> None:
    """Draw the boxes side by side, with room for `count` of them."""
    axes.axis("off")
    for i, box in enumerate(places):
        box.crop(axes.inset_axes((i / count + 0.01, 0.02, 1 / count - 0.02, 0.96)), view, image)

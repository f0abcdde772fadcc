"""A phantom before and after it was deformed to a patient, and its simulated SPECT without and with lesions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.figures.sheet import EDGE, GAP
from pairreg.figures.style import COLOURS
from pairreg.report.figures.page import LINE, STRIP
from pairreg.report.figures.panels import Shown
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.runs.read import Run
from pairreg.spect.scan import BONES, Scan, scan, scan_folder
from pairreg.turning import turned

ALL_PAIRS_IN_ONE = True  # in one figure, a row for each run
# The titles of the coronal columns after the first one, which is titled after the phantom.
_CORONAL = ("Patient CT", "Deformed\nphantom", "Simulated SPECT\nwithout lesions", "Simulated SPECT\nwith lesions")
_AXIAL = "Simulated SPECT with lesions:\naxial slice through each lesion"
LESIONS = 3  # of every row
_RING, _MARGIN = 14.0, 8.0  # mm: radius of the circle around a lesion, and room around the body
_SPINE = 60.0  # mm, in which a spine lies
_CELL = 1.25  # inches that a panel is wide
_Z, _Y, _X = range(3)


def prepare(runs: Sequence[Run]) -> None:
    """Simulate the scans of `runs` into their folders, each with its own seed; a scan that is there stays.

    Raises `InputError` for a run in 2-D, before anything is simulated, and for one without a phantom's images.
    """
    for run in runs:
        _check_volume(run, run.figure_arrays)
    for seed, run in enumerate(runs):
        if not scan_folder(run.folder).exists():
            scan(run.folder, lesions=LESIONS, seed=seed).save(scan_folder(run.folder))


def _check_volume(run: Run, scene: FigureArrays) -> None:
    """Raise `InputError` for a run in 2-D."""
    if scene.fixed.ndim != 3:
        raise InputError(f"{run.folder} is 2-D; figure phantom_spect needs 3-D runs, as of pair=phantom_to_ct_3d.")


@dataclass(frozen=True)
class Row:
    """A run in 3-D, and its `scan`: a row of the figure.

    **Attributes:** `phantom`: its title; `scene`: images and labels; `box`, `(3, 2)`: what is shown. Places are in mm
    from the corner of the patient's image, array axis order.
    """

    phantom: str
    scene: FigureArrays
    scan: Scan
    box: np.ndarray

    @classmethod
    def of(cls, shown: Shown) -> "Row":
        """Return the row of a run; raises `InputError` for a run in 2-D, and without a scan of `LESIONS` lesions."""
        folder, scene = shown.run.folder, shown.run.figure_arrays.as_drawn()
        _check_volume(shown.run, scene)
        simulated = Scan.read(folder)
        if len(simulated.drawn.contrasts) != LESIONS:
            raise InputError(f"{folder}: the scan should have {LESIONS} lesions; repeat pairreg-spect {folder}")
        phantom = shown.moving.replace("Moving", "Phantom").replace(" (", "\n(")
        return cls(phantom, scene, _as_drawn(simulated), _body_box(scene))

    @property
    def spine(self) -> int:
        """The coronal plane of the scene with most bone of the deformed phantom near the middle of what is shown."""
        assert self.scene.warped_labels is not None, "the scan read them"
        bones = [label for label, name in self.scene.label_names.items() if name in BONES]
        left, right = (self.box[_X].mean() + np.array([-_SPINE, _SPINE]) / 2) / self.scene.spacing[_X]
        middle = np.isin(self.scene.warped_labels, bones)[:, :, int(left) : int(right)]
        return int(middle.sum(axis=(_Z, _X)).argmax())

    @property
    def lesions(self) -> list[np.ndarray]:
        """The places of the centres of the lesions."""
        mask = geometry.array(self.scan.lesions)
        steps = geometry.spacing(self.scan.lesions)
        return [(np.argwhere(mask == i + 1).mean(axis=0) + 0.5) * steps for i in range(LESIONS)]

    @property
    def white(self) -> float:
        """The activity that is shown white: that of the lesion that the scan shows brightest."""
        seen = geometry.array(sitk.Resample(self.scan.spect_lesions, self.scan.lesions))
        return float(seen[geometry.array(self.scan.lesions) > 0].max())

    def draw_coronal(self, panels: Sequence[Axes]) -> None:
        """Draw the phantom, the patient, the deformed phantom, and projections of the scans, from the front."""
        scene = self.scene
        for axes, image in zip(panels, (scene.moving, scene.fixed, scene.warped), strict=False):
            self.show(axes, image[:, self.spine], scene.spacing, _Y, 1.0)
        for axes, spect in zip(panels[3:], (self.scan.spect, self.scan.spect_lesions), strict=True):
            self.show(axes, geometry.array(spect).max(axis=_Y), geometry.spacing(spect), _Y, self.white)
            axes.text(0.03, 0.04, "MIP", transform=axes.transAxes, color="white", fontsize="small")
        self.ring(panels[4], range(LESIONS), _Y)

    def draw_axial(self, panels: Sequence[Axes]) -> None:
        """Draw an axial slice of the scan through each lesion."""
        spect = geometry.array(self.scan.spect_lesions)
        steps = geometry.spacing(self.scan.spect_lesions)
        for i, axes in enumerate(panels):
            level = min(int(self.lesions[i][_Z] / steps[_Z]), len(spect) - 1)
            self.show(axes, spect[level], steps, _Z, self.white)
            self.ring(axes, [i], _Z)

    def show(self, axes: Axes, plane: np.ndarray, spacing: Sequence[float], normal: int, white: float) -> None:
        """Draw a plane across the axis `normal`, with the activity or intensity `white` in white."""
        rows, columns = (axis for axis in (_Z, _Y, _X) if axis != normal)
        extent = (0, plane.shape[1] * spacing[columns], 0, plane.shape[0] * spacing[rows])
        axes.imshow(plane, cmap="gray", vmin=0, vmax=white, origin="lower", extent=extent, aspect="auto",
                    interpolation="bilinear")  # fmt: skip
        axes.set(xlim=self.box[columns], ylim=self.box[rows] if normal == _Y else self.box[rows][::-1])

    def ring(self, axes: Axes, which: Sequence[int], normal: int) -> None:
        """Draw circles around the lesions `which`."""
        rows, columns = (axis for axis in (_Z, _Y, _X) if axis != normal)
        for i in which:
            place = self.lesions[i]
            axes.add_patch(Circle((place[columns], place[rows]), _RING, fill=False, color=COLOURS[i], linewidth=0.9))


def _as_drawn(simulated: Scan) -> Scan:
    """Return a scan with its images turned as the arrays of its run are."""
    return Scan(turned(simulated.spect), turned(simulated.spect_lesions), turned(simulated.lesions), simulated.drawn)


def _body_box(scene: FigureArrays) -> np.ndarray:
    """Return the box around the deformed phantom, within the image, `(3, 2)` in mm."""
    assert scene.warped_labels is not None, "the scan read them"
    steps = np.array(scene.spacing)
    inside = np.argwhere(scene.warped_labels)
    edges = np.stack([inside.min(axis=0) * steps - _MARGIN, (inside.max(axis=0) + 1) * steps + _MARGIN], axis=1)
    return np.clip(edges, 0, (steps * scene.fixed.shape)[:, None])


def figure(runs: Sequence[Shown]) -> Figure:
    """Draw a row for each run: coronal planes on the left, axial ones on the right."""
    rows = [Row.of(shown) for shown in runs]
    drawn, coronal, axial = _panels(rows)
    for row, left, right in zip(rows, coronal, axial, strict=True):
        row.draw_coronal(left)
        row.draw_axial(right)
    for axes, name in zip(coronal[0], (rows[0].phantom, *_CORONAL), strict=True):
        axes.set_title(name, linespacing=1.1)
    return drawn


def _panels(rows: Sequence[Row]) -> tuple[Figure, list[list[Axes]], list[list[Axes]]]:
    """Return an empty figure with its coronal and, beyond a line, axial panels `[row][column]`, all of one width."""
    cell, counts = _CELL, (len(_CORONAL) + 1, LESIONS)
    header = 2 * LINE + 0.06
    sizes = [np.ptp(row.box, axis=1) * cell / np.ptp(row.box[_X]) for row in rows]
    heights = [max(size[_Z], size[_Y]) for size in sizes]
    width = 2 * EDGE + STRIP + sum(counts) * (cell + GAP) - 2 * GAP
    total = header + sum(heights) + len(rows) * GAP + EDGE
    drawn, top = Figure(figsize=(width, total)), total - header
    start = EDGE + counts[0] * (cell + GAP) - GAP + STRIP
    found: tuple[list[list[Axes]], list[list[Axes]]] = ([], [])
    for size, height in zip(sizes, heights, strict=True):
        for table, left, count, own in zip(found, (EDGE, start), counts, (size[_Z], size[_Y]), strict=True):
            bottom = top - (height + own) / 2
            boxes = [(left + k * (cell + GAP), bottom, cell, own) for k in range(count)]
            table.append([drawn.add_axes((x / width, y / total, w / width, h / total)) for x, y, w, h in boxes])
        top -= height + GAP
    for axes in drawn.axes:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    drawn.text((start + width - EDGE) / 2 / width, (total - 0.06) / total, _AXIAL, ha="center", va="top",
               fontsize="medium", linespacing=1.1)  # fmt: skip
    x = (start - STRIP / 2) / width
    drawn.add_artist(Line2D([x, x], [0.01, 0.99], color="0.3", linewidth=0.8, linestyle=(0, (5, 3))))
    return drawn, *found

"""The measurements as a figure: against the peers, the cost per voxel, and what the machine could do at best."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.common import Measured
from benchmarks.linear import SIDES

METHODS = {"ants_syn": "#377EB8", "elastix": "#984EA3", "preset=fast": "#E41A1C", "preset=accurate": "#FF7F00"}
SHORT = {"ct2d_": "", "ct_": "", "thorax_": "", "_": " "}


def draw(rows: Sequence[Measured], file: Path) -> None:
    panels = [(peers, [3, 4]), (scaling, [7]), (roofline, [14])]
    shown = [(panel, part) for panel, points in panels if (part := [row for row in rows if row.point in points])]
    if not shown:
        return
    with matplotlib.rc_context({"font.size": 8}):
        figure = Figure(figsize=(5.6 * len(shown), 4.2), layout="constrained")
        for axes, (panel, part) in zip(np.ravel(figure.subplots(1, len(shown))), shown, strict=True):
            panel(axes, part)
        figure.savefig(file, dpi=150)


def peers(axes: Axes, rows: Sequence[Measured]) -> None:
    """Seconds and Dice of every method on every pair; a pair's methods are joined."""
    markers = dict(zip(dict.fromkeys(row.case for row in rows), "osD^vP", strict=False))
    for case, marker in markers.items():
        points = {}
        for method in METHODS:
            found = {row.quantity: row.value for row in rows if row.case == case}
            if f"{method} time" in found and f"{method} Dice" in found:
                points[method] = found[f"{method} time"], found[f"{method} Dice"]
        axes.plot(*zip(*points.values(), strict=True), color="0.8", linewidth=0.7, zorder=1)
        for method, (time, dice) in points.items():
            axes.scatter(time, dice, color=METHODS[method], marker=marker, s=28, zorder=2)
        name = case
        for long, short in SHORT.items():
            name = name.replace(long, short)
        axes.scatter([], [], color="0.4", marker=marker, label=name)
    for method, colour in METHODS.items():
        name = f"{method} (with compilation)" if method == "preset=accurate" else method
        axes.scatter([], [], color=colour, marker="s", label=name)
    axes.set(xscale="log", xlabel="seconds", ylabel="mean Dice")
    axes.legend(fontsize=6.5, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3)
    axes.grid(color="0.92")


def scaling(axes: Axes, rows: Sequence[Measured]) -> None:
    """Milliseconds against voxels, with a line of slope 1."""
    voxels = np.array([side**3 for side in SIDES], float)
    for name in dict.fromkeys(row.case for row in rows):
        times = [row.value for row in rows if row.case == name and row.unit == "ms"]
        axes.plot(voxels, times, marker="o", markersize=3, label=name)
    least = min(row.value for row in rows if row.unit == "ms")
    axes.plot(voxels, 0.7 * least * voxels / voxels[0], color="black", linestyle="--", label="linear")
    axes.set(xscale="log", yscale="log", xlabel="voxels", ylabel="value and gradient, ms")
    axes.legend(fontsize=6.5, ncols=2)
    axes.grid(color="0.92", which="both")


def roofline(axes: Axes, rows: Sequence[Measured]) -> None:
    """Attained speed against operations per byte, under the roof of this machine."""
    value = {(row.case, row.quantity): row.value for row in rows}
    x = np.geomspace(0.05, 100, 200)
    roof = np.minimum(value["machine", "peak"], value["machine", "bandwidth"] * x)
    axes.plot(x, roof, color="black", label="at best: memory, then arithmetic")
    for name in dict.fromkeys(row.case for row in rows if row.case != "machine"):
        operations = value[name, "operations"]
        at = operations / value[name, "bytes"], operations / value[name, "time"]  # millions in ms: 10^9 a second
        axes.scatter(*at, color="#377EB8", s=16)
        axes.annotate(name.replace("_", " "), at, xytext=(3, 3), textcoords="offset points", fontsize=6.5)
    axes.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="attained, GFLOP/s")
    axes.legend(fontsize=6.5)
    axes.grid(color="0.92", which="both")

"""The metrics of a report: their names for people, and their values by setting."""

from dataclasses import dataclass

import numpy as np

from pairreg.report.design import Design
from pairreg.study.table import arrow


@dataclass(frozen=True)
class Shown:
    label: str
    decimals: int


SHOWN = {
    "dice_mean": Shown("Dice", 3),
    "hd95_mean": Shown("HD95 (mm)", 2),
    "tre_mean": Shown("TRE (mm)", 2),
    "ssim": Shown("SSIM", 3),
    "mse": Shown("MSE", 4),
    "pcc": Shown("PCC", 3),
    "ncc": Shown("NCC", 3),
    "folds_percent": Shown("folds (%)", 3),
    "ndv_percent": Shown("NDV (%)", 3),
    "sdlogj": Shown("SD log J", 3),
    "seconds": Shown("time (s)", 1),
    "peak_memory_mb": Shown("memory (MB)", 0),
    "iterations": Shown("iterations", 0),
}
PRIMARY = ("dice_mean", "tre_mean", "ssim")  # the first that exists decides the ranks


@dataclass(frozen=True)
class Measure:
    """One metric: for each setting its values by unit `(n,)`, seeds averaged within pairs.

    If `comparable`, the units are the same for all settings, in the same order.
    """

    name: str
    values: list[np.ndarray]
    comparable: bool

    @property
    def sign(self) -> int:
        """1: more is better, -1: less is, 0: neither."""
        return {"↑": 1, "↓": -1, "": 0}[arrow(self.name)]

    @property
    def title(self) -> str:
        return f"{self.label} {arrow(self.name)}".strip()

    @property
    def label(self) -> str:
        return SHOWN[self.name].label if self.name in SHOWN else self.name

    @property
    def means(self) -> np.ndarray:
        """Of each setting, NaN where it has no values. A NaN among the values is not left out: it would flatter."""
        return np.array([v.mean() if len(v) else np.nan for v in self.values])

    @property
    def deviations(self) -> np.ndarray:
        """Standard deviations (n - 1) of each setting, NaN for fewer than two values."""
        with np.errstate(invalid="ignore"):  # of infinite distances
            return np.array([v.std(ddof=1) if len(v) > 1 else np.nan for v in self.values])

    def text(self, value: float) -> str:
        return f"{value:.{SHOWN[self.name].decimals}f}"

    @property
    def best(self) -> list[bool]:
        """The settings whose mean looks the same as the best one."""
        means = self.means * self.sign
        if not self.comparable or not self.sign or len(means) < 2 or not np.isfinite(means).any():
            return [False] * len(means)
        best = self.text(float(np.nanmax(means)) * self.sign)
        return [self.text(float(mean)) == best for mean in self.means]


def measures(design: Design) -> dict[str, Measure]:
    """Every metric of the tables that some run has."""
    present = {name for run in design.cells.values() for name in run.metrics}
    return {name: measure(name, design) for name in SHOWN if name in present}


def measure(name: str, design: Design, beside: str | None = None) -> Measure:
    """On the replicates where every setting has it; where there are none, on whatever each setting has.

    With `beside` only where the runs have that metric, too.
    """
    wanted = {name, beside or name}
    has = {key for key, run in design.cells.items() if wanted <= run.metrics.keys()}
    common = [r for r in design.common if all((one, *r) in has for one in design.settings)]
    values = []
    for one in design.settings:
        by_unit: dict[str, list[float]] = {}
        for pair, seed in common or design.replicates:
            if (one, pair, seed) in has:
                value = float(design.cells[one, pair, seed].metrics[name])
                by_unit.setdefault(pair if design.unit == "pair" else seed, []).append(value)
        values.append(np.array([np.mean(v) for v in by_unit.values()]))
    return Measure(name, values, comparable=bool(common))

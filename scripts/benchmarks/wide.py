"""Point 9: presets chosen without an anatomy and measured on it, beside SyN and elastix.

A preset that was tuned on the pairs it is measured on looks better than it is. Here the settings of each preset are
chosen by the pairs of all other anatomies (`chosen_without`), and what counts is what they give on the one left out.

Every setting is a study over all pairs with labels or landmarks, kept in a folder: a later call goes on where an
earlier one ended.
"""

import csv
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common import DATA, Measured
from pairreg.report.study_runs import read_study
from pairreg.runs.read import Run
from pairreg.runs.replicates import pair_names

ANATOMIES = {
    "ct2d_thorax_axial_two_subjects": "thorax",
    "ct2d_thorax_coronal_4d": "thorax",
    "ct2d_thorax_from_xcat": "thorax",
    "ct_thorax_4d_inhale_exhale_small": "thorax",
    "ct_thorax_4d_inhale_exhale": "thorax",
    "ct_thorax_from_xcat": "thorax",
    "ct_thorax_two_subjects": "thorax",
    "ct_thorax_two_subjects_b": "thorax",
    "ct_lung_baseline_followup": "lung",
    "hippocampus_mr_two_subjects": "hippocampus",
    "histology2d_kidney_two_stains": "kidney",
    "spine_mr_from_template": "spine",
}
"""Every pair with labels or landmarks, by what is seen on it."""

CANDIDATES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "fast": {
        "fast": (),
        "fast, from the affine start": ("initialization=affine",),
        "fast, half the diffusion": ("regularizer.diffusion.weight=1",),
        "fast, twice the diffusion": ("regularizer.diffusion.weight=4",),
        "fast, half the penalty on folds": ("regularizer.jacobian.weight=20",),
        "fast, twice the penalty on folds": ("regularizer.jacobian.weight=80",),
    },
    "accurate": {
        "accurate": (),
        "accurate, half the diffusion": ("regularizer.diffusion.weight=2.5",),
        "accurate, twice the diffusion": ("regularizer.diffusion.weight=10",),
        "accurate, Adam and an eighth of the penalty on folds": ("optimizer=adam", "regularizer.jacobian.weight=40"),
    },
    "default": {
        "default": (),
        "default, convex start": ("initialization=convex",),
        "default, twice the diffusion": ("regularizer.diffusion.weight=4",),
        "default, penalty on folds of fast": ("regularizer=fast",),
    },
}
"""By preset, what it may be: itself, and itself with other settings."""

_OF_OTHERS = ("method.start=initialization",)
PEERS: Mapping[str, Sequence[str]] = {
    "ants_syn": ("method=ants_syn", *_OF_OTHERS),
    "elastix": ("method=elastix", *_OF_OTHERS),
    "as ConvexAdam": (
        "initialization=convex",
        "similarity=mind",
        "transform=accurate",
        "regularizer=diffusion",
        "schedule=single_level",
        "schedule.iterations=80",
    ),
}
"""The methods of others: programs of their authors, and our own parts in the order of Siebert et al.'s ConvexAdam (a
discrete start, then 80 steps of Adam on descriptors and a grid of every second voxel)."""
FOLDS = {"fast": 0.01, "accurate": 0.01, "default": 0.1}  # %, on every pair that a setting is chosen by
BELOW = 0.01  # of Dice below the best peer, at most


@dataclass(frozen=True)
class Score:
    """What one setting gives on one pair: `dice`, or `tre` in mm where there are landmarks; folds in %."""

    dice: float
    tre: float
    folds: float

    @property
    def value(self) -> float:
        """Larger is better: Dice, or the negative error at the landmarks where there are some."""
        return self.dice if np.isnan(self.tre) else -self.tre


def measure(repeats: int) -> list[Measured]:
    """One run each, in the folder that the environment variable PAIRREG_WIDE names, or `wide_bench`."""
    del repeats
    folder = Path(os.environ.get("PAIRREG_WIDE", "wide_bench"))
    folder.mkdir(parents=True, exist_ok=True)
    peers = {name: scores(folder, name, overrides) for name, overrides in PEERS.items()}
    rows = [
        Measured(9, pair, f"{name} {quantity(score)}", abs(score.value), unit(score))
        for name, found in peers.items()
        for pair, score in found.items()
    ]
    for preset, candidates in CANDIDATES.items():
        ours = {name: scores(folder, name, (f"preset={preset}", *overrides)) for name, overrides in candidates.items()}
        for anatomy in sorted(set(ANATOMIES.values())):
            choice = chosen_without(anatomy, ours, ANATOMIES, FOLDS[preset])
            for pair in (p for p, where in ANATOMIES.items() if where == anatomy):
                score = ours[choice][pair]
                best = max(found[pair].value for found in peers.values())
                limit = f">= {best - BELOW:.4f}" if np.isnan(score.tre) else f"<= {-best:.4f}"
                what = f"{preset} ({choice})"
                rows += [
                    Measured(9, pair, f"{what} {quantity(score)}", abs(score.value), unit(score), limit),
                    Measured(9, pair, f"{what} folds", score.folds, "%", f"<= {FOLDS[preset]}"),
                ]
    return rows


def quantity(score: Score) -> str:
    return "Dice" if np.isnan(score.tre) else "landmarks"


def unit(score: Score) -> str:
    return "" if np.isnan(score.tre) else "mm"


def chosen_without(
    anatomy: str, found: Mapping[str, Mapping[str, Score]], anatomies: Mapping[str, str], folds: float
) -> str:
    """Return the setting of best mean rank over the other anatomies, each of which counts once.

    `found`: by setting and pair. Among settings whose folds are at most `folds` % on all of those pairs; if none is,
    among all.
    """
    others = [pair for pair, where in anatomies.items() if where != anatomy]
    regular = [name for name in found if all(found[name][pair].folds <= folds for pair in others)] or list(found)
    values = np.array([[found[name][pair].value for pair in others] for name in regular])
    # 1 = best; equal values share the better rank
    ranks = 1 + (values[None] > values[:, None]).sum(1)
    of = np.array([anatomies[pair] for pair in others])
    mean = np.mean([ranks[:, of == where].mean(1) for where in sorted(set(of.tolist()))], axis=0)
    return regular[int(np.argmin(mean))]


def scores(folder: Path, name: str, overrides: Sequence[str]) -> dict[str, Score]:
    """Run one setting on every pair, and return what it gives by pair; runs that are complete are only read."""
    study = name.replace(", ", "_").replace(" ", "_")
    many = ["pair=hdf5", f"pair.file={packed(folder).resolve()}", "pair.case='*'", "--multirun"]
    command = [Path(sys.executable).with_name("pairreg"), *many, f"study={study}", "tracking=none", *overrides]
    subprocess.run(command, check=True, cwd=folder)
    runs = read_study(folder / "runs" / study).runs
    return {pair: of_run(run) for pair, run in zip(pair_names(runs), runs, strict=True)}


def of_run(run: Run) -> Score:
    metrics = run.metrics
    return Score(metrics.get("dice_mean", np.nan), metrics.get("tre_mean", np.nan), metrics["folds_percent"])


def packed(folder: Path) -> Path:
    """Return the HDF5 file of all pairs in `folder`, packed if it is not there."""
    file = folder / "pairs.h5"
    if file.exists():
        return file
    roles = ("fixed", "moving", "fixed_labels", "moving_labels")
    manifest = folder / "pairs.csv"
    with manifest.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["case", *roles, "fixed_landmarks", "moving_landmarks"])
        for name in ANATOMIES:
            images = [DATA / name / f"{role}.nii.gz" for role in roles]
            files = [*images, *[DATA / name / "landmarks.json"] * 2]
            writer.writerow([name, *(path.resolve() if path.exists() else "" for path in files)])
    subprocess.run([Path(sys.executable).with_name("pairreg-pack"), manifest, file], check=True)
    return file

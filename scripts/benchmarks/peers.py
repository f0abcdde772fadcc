"""Points 3 and 4: preset=fast and preset=accurate against ANTs SyN and elastix on the real pairs."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import pairreg
from benchmarks.common import DATA, Measured, pair, parts
from pairreg import geometry, metrics
from pairreg.evaluate import common_labels
from pairreg.reading.any_format import read

PAIRS_2D = ("ct2d_thorax_coronal_4d", "ct2d_thorax_axial_two_subjects")
PAIRS_3D = (
    "ct_thorax_4d_inhale_exhale_small",
    "ct_lung_baseline_followup",
    "ct_thorax_two_subjects",
    "ct_thorax_4d_inhale_exhale",
)
UNRELATED = ("ct_thorax_two_subjects",)  # scanner coordinates
LANDMARKS = "ct_lung_baseline_followup"
FOLDS, LANDMARK_LIMIT = 0.1, 2.0  # %, mm


def fast(repeats: int) -> list[Measured]:
    """Point 3: SyN on the 3-D pairs, elastix on the 2-D ones; the two take turns."""
    rows = []
    chosen = parts("preset=fast")
    for name in PAIRS_2D + PAIRS_3D:
        loaded, peer = pair(name), "elastix" if name in PAIRS_2D else "syn"
        first = pairreg.register(loaded, **chosen).metrics  # compiles
        theirs, ours = [], []
        for _ in range(repeats):
            theirs.append(run_peer(peer, name))
            ours.append(pairreg.register(loaded, **chosen).metrics)
        wanted, result = theirs[-1], ours[-1]
        limit = median(theirs, "seconds")
        own = median(ours, "seconds")
        rows += [
            Measured(3, name, f"{peer} time", limit, "s"),
            Measured(3, name, "preset=fast time", own, "s", f"<= {limit:.3f}"),
            Measured(3, name, "time ratio", own / limit, "", "<= 1"),
            Measured(3, name, "start-up of preset=fast (first run of the process)", first["seconds"] - own, "s"),
            Measured(3, name, f"{peer} Dice", wanted["dice_mean"]),
            Measured(3, name, "preset=fast Dice", result["dice_mean"], "", f">= {wanted['dice_mean']:.6f}"),
            Measured(3, name, "preset=fast folds", result["folds_percent"], "%", f"<= {FOLDS}"),
        ]
        if "tre_mean" in wanted:
            rows.append(Measured(3, name, f"{peer} landmarks", wanted["tre_mean"], "mm"))
            wide = f"<= {wanted['tre_mean']:.6f}"
            rows.append(Measured(3, name, "preset=fast landmarks", result["tre_mean"], "mm", wide))
    return rows


def accurate(repeats: int) -> list[Measured]:
    """Point 4: one run each, since nothing is timed."""
    del repeats
    rows = []
    chosen = parts("preset=accurate")
    for name in PAIRS_2D + PAIRS_3D:
        dice = {peer: run_peer(peer, name)["dice_mean"] for peer in ("syn", "elastix")}
        result = pairreg.register(pair(name), **chosen).metrics
        rows += [Measured(4, name, f"{peer} Dice", value) for peer, value in dice.items()]
        rows += [
            Measured(4, name, "preset=accurate Dice", result["dice_mean"], "", f">= {max(dice.values()):.6f}"),
            Measured(4, name, "preset=accurate folds", result["folds_percent"], "%", f"<= {FOLDS}"),
            Measured(4, name, "preset=accurate time", result["seconds"], "s"),
        ]
        if name == LANDMARKS:
            rows.append(Measured(4, name, "landmarks", result["tre_mean"], "mm", f"<= {LANDMARK_LIMIT}"))
    return rows


def median(runs: list[dict[str, float]], key: str) -> float:
    return float(np.median([run[key] for run in runs]))


def run_peer(method: str, name: str) -> dict[str, float]:
    """Seconds and Dice of a peer, and for SyN the landmark error where the pair has landmarks."""
    folder, loaded = DATA / name, pair(name)
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, str(Path(__file__).with_name("peer.py")), method]
        command += [str(folder / "fixed.nii.gz"), str(folder / "moving.nii.gz"), output]
        command += ["--labels", str(folder / "moving_labels.nii.gz")]
        if method == "syn" and loaded.fixed_landmarks is not None:
            command += ["--points", str(folder / "landmarks.json")]
        if name in UNRELATED:
            command.append("--centres")
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        assert loaded.fixed_labels is not None and loaded.moving_labels is not None
        fixed, moving = geometry.array(loaded.fixed_labels), geometry.array(loaded.moving_labels)
        warped = np.rint(geometry.array(read(Path(output) / "warped_labels.nii.gz").image)).astype(int)
        dice = metrics.dice(fixed, warped, labels=common_labels(fixed, moving))
        found["dice_mean"] = float(np.mean(list(dice.values())))
        points = Path(output) / "points.json"
        if points.exists():
            at = np.array(json.loads(points.read_text()))
            found["tre_mean"] = float(metrics.tre(at, loaded.moving_landmarks).mean())
    return found

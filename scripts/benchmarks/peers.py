"""Points 3 and 4: preset=fast and preset=accurate against ANTs SyN and elastix on the real pairs.

The environment variable PAIRREG_PEERS names the Python that has antspyx and itk-elastix.
"""

from collections.abc import Mapping, Sequence

import numpy as np

import pairreg
from benchmarks.common import Measured, pair, parts

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
        loaded, peer = pair(name), "elastix" if name in PAIRS_2D else "ants_syn"
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
        dice = {peer: run_peer(peer, name)["dice_mean"] for peer in ("ants_syn", "elastix")}
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


def median(runs: Sequence[Mapping[str, float]], key: str) -> float:
    return float(np.median([run[key] for run in runs]))


def run_peer(method: str, name: str) -> Mapping[str, float]:
    """Metrics of a peer with its authors' usual settings, by our own evaluation; its seconds are those alone."""
    start = {"start": "initialization"} if name in UNRELATED else {}
    peer = pairreg.build(f"method/{method}", **start)
    return pairreg.register(pair(name), method=peer, preprocessing="minmax", initialization="center_of_mass").metrics

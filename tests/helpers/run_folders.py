"""Run folders as a study leaves them, without a registration."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from pairreg.runs.figure_arrays import FigureArrays

SHAPES = {2: (40, 50), 3: (12, 20, 26)}
PROVENANCE = {"git_commit": "c0ffee", "git_dirty": "false", "version/numpy": "2.0", "command": "pairreg study=made -m"}


def arrays(ndim: int, bend: float) -> dict[str, np.ndarray]:
    """A disc, and the disc `bend` voxels away."""
    grid = np.indices(SHAPES[ndim])
    middle = np.array(SHAPES[ndim]).reshape(-1, *[1] * ndim) / 2

    def disc(shift: float) -> np.ndarray:
        radius = np.sqrt((((grid - middle - shift) / middle) ** 2).sum(axis=0))
        return np.clip(1.5 - 2 * radius, 0, 1).astype(np.float32)

    images = {"fixed": disc(0), "moving": disc(4), "warped": disc(bend)}
    labels = {f"{name}_labels": (image > 0.3).astype(np.uint8) for name, image in images.items()}
    field = np.full((*SHAPES[ndim], ndim), 4 - bend, np.float32)
    return {**images, **labels, "field": field}


def node(options: str, weights: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    return {name: {"_target_": f"pairreg.{name}", "weight": weights.get(name, 1.0)} for name in options.split("+")}


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a complete run of the study `runs/made` and returns its folder."""

    def write(
        name: str,
        *,
        similarity: str = "mse",
        regularizer: str = "diffusion",
        pair: Mapping[str, Any] | str = "thorax_ct_2d",
        seed: int = 0,
        weights: Mapping[str, float] | None = None,
        metrics: Mapping[str, float] | None = None,
        provenance: Mapping[str, str] | None = None,
        preset: str = "None",
        ablation: str = "None",
        benchmark: str = "None",
        ndim: int = 2,
        labels: bool = True,
        bend: float = 1.0,
        inputs: Mapping[str, tuple[str, str]] | None = None,  # path and digest by the name of the setting
        **config: Any,
    ) -> Path:
        folder = tmp_path / "runs" / "made" / name
        folder.mkdir(parents=True)
        is_files = not isinstance(pair, str)
        weights = weights or {}
        terms = {"similarity": node(similarity, weights), "regularizer": node(regularizer, weights)}
        measured = {"ssim": 0.9, "folds_percent": 0.5, "seconds": 2.0, "peak_memory_mb": 900.0, **(metrics or {})}
        summary = {
            "metrics": measured,
            "choices": {
                "preset": preset,
                "ablation": ablation,
                "benchmark": benchmark,
                "regularizer": regularizer,
                "similarity": similarity,
                "pair": "files" if is_files else pair,
                "tracking": "none",
            },
            "config": {
                "seed": seed,
                "study": "made",
                "tracking": {"_target_": f"tracker.{name}"},
                "pair": dict(pair) if is_files else {"_target_": f"pairreg.pair.{pair}"},
                **terms,
                **config,
            },
            "provenance": PROVENANCE | dict(provenance or {}),
        }
        if inputs is not None:
            summary["inputs"] = [{"name": n, "path": path, "digest": one} for n, (path, one) in inputs.items()]
        scene = FigureArrays(name="made", spacing=(2.0,) * ndim, label_names={1: "disc"}, **arrays(ndim, bend))
        write_scene(folder, scene, labels)
        columns = ["loss", *(f"{g}/{t}" for g, ts in terms.items() for t in ts), "level"]
        rows = [[i, *[1 / i] * (len(columns) - 1), 1 + i // 6] for i in range(1, 11)]
        text = "\n".join(",".join(map(str, row)) for row in [["iteration", *columns], *rows])
        (folder / "history.csv").write_text(text + "\n")
        (folder / "result.json").write_text(json.dumps(summary))
        return folder

    return write


def write_scene(folder: Path, scene: FigureArrays, labels: bool) -> None:
    with h5py.File(folder / "result.h5", "w") as file:
        file["field"] = scene.field
        scene.write(file)
        for name in [] if labels else ["fixed_labels", "moving_labels", "warped_labels"]:
            del file["scene"][name]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "made"

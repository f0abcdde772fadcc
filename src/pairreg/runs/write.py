"""The run folder: the truth about a run, whatever tracks it."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import SimpleITK as sitk

from pairreg import geometry, metrics
from pairreg.files import replacing
from pairreg.optimization.history import History
from pairreg.runs.names import COMPLETE
from pairreg.carry import channel_interpolation
from pairreg.runs.provenance import provenance
from pairreg.runs.figure_arrays import FigureArrays

if TYPE_CHECKING:
    from pairreg.result import Result


def save(result: "Result", folder: Path, config: Mapping[str, Any], choices: Mapping[str, str]) -> None:
    """Write everything that a run leaves behind."""
    scene = FigureArrays.of(result)
    save_partial(result, folder, config, scene)
    from pairreg.runs.draw import draw

    draw(scene, result.history.columns(), folder / "figures")
    summary = {"metrics": result.metrics, "choices": choices, "config": config, "provenance": provenance()}
    write_json(folder / COMPLETE, summary)


def save_partial(result: "Result", folder: Path, config: Mapping[str, Any], scene: FigureArrays | None = None) -> None:
    """Everything but the figures and `result.json`: also what is kept of a run that stopped early."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / COMPLETE).unlink(missing_ok=True)
    write_history(folder / "history.csv", result.history)
    write_json(folder / "metrics.json", result.metrics)
    write_images(result, folder)
    write_hdf5(result, folder / "result.h5", config, scene or FigureArrays.of(result))


def write_images(result: "Result", folder: Path) -> None:
    images = {"warped": result.warped_image, "displacement": result.displacement, "jacobian": jacobian(result)}
    if result.inverse_displacement is not None:
        images["inverse_displacement"] = result.inverse_displacement
    if result.pair.true_displacement is not None:
        images["true_displacement"] = sitk.Cast(result.pair.true_displacement, sitk.sitkVectorFloat32)
    if result.warped_labels is not None:
        images["warped_labels"] = result.warped_labels
    for name, channel in result.pair.channels.items():
        images[f"warped_{name}"] = result.carry(channel, channel_interpolation(channel))
    for name, image in images.items():
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))


def jacobian(result: "Result") -> sitk.Image:
    """Determinant of the whole transform's derivative, initialisation included, as of `displacement.nii.gz`."""
    fixed = result.prepared.pair.fixed
    matrix, _ = geometry.linear_part(result.prepared.initial, fixed.GetDimension())
    determinant = metrics.jacobian_determinant(result.field) * np.linalg.det(matrix)
    return geometry.image(determinant.astype(np.float32), fixed)


def write_history(path: Path, history: History) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["iteration", *history.names])
        writer.writerows([i, *row] for i, row in enumerate(history.rows.tolist(), start=1))


def write_hdf5(result: "Result", path: Path, config: Mapping[str, Any], scene: FigureArrays) -> None:
    arrays = {
        "fixed": geometry.array(result.pair.fixed),
        "moving": geometry.array(result.pair.moving),
        "warped": result.warped,
        "field": result.field,
    }
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip", compression_opts=1)
        for name, values in result.history.columns().items():
            file[f"history/{name}"] = values
        scene.write(file)
        file.attrs["config"] = json.dumps(config)
        file.attrs["provenance"] = json.dumps(provenance())


def write_json(path: Path, content: Any) -> None:
    """By rename, so that the file is there whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=2, default=float) + "\n")

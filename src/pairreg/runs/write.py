"""The one writer of run folders: everything that a run leaves behind."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import SimpleITK as sitk

from pairreg import geometry, plain_json
from pairreg.files import replacing
from pairreg.optimization.history import History
from pairreg.pair.pair import Pair
from pairreg.runs import folder as names
from pairreg.runs.draw import draw
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.runs.identity import Input
from pairreg.runs.provenance import provenance


class Registered(Protocol):
    """What is written of a registration; see `pairreg.result.Result` for units and axis orders."""

    @property
    def pair(self) -> Pair: ...
    @property
    def field(self) -> np.ndarray: ...
    @property
    def history(self) -> History: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def figure_arrays(self) -> FigureArrays: ...
    @property
    def warped_image(self) -> sitk.Image: ...
    @property
    def displacement(self) -> sitk.Image: ...
    @property
    def jacobian(self) -> sitk.Image: ...
    @property
    def inverse_displacement(self) -> sitk.Image | None: ...
    @property
    def warped_labels(self) -> sitk.Image | None: ...
    @property
    def warped_channels(self) -> Mapping[str, sitk.Image]: ...


def write(
    result: Registered,
    folder: Path,
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    inputs: Sequence[Input] = (),
) -> None:
    """Write everything; `result.json`, which makes the run complete, comes last and by rename."""
    write_partial(result, folder, config)
    draw(result.figure_arrays, result.history.columns(), folder / names.FIGURES)
    summary = {
        "metrics": result.metrics,
        "choices": choices,
        "config": config,
        "inputs": [asdict(one) for one in inputs],
        "provenance": provenance(),
    }
    write_json(folder / names.RESULT, summary)


def write_partial(result: Registered, folder: Path, config: Mapping[str, Any]) -> None:
    """Write all but the figures and `result.json`: also what is kept of a run that stopped early."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names.RESULT).unlink(missing_ok=True)
    write_history(folder / names.HISTORY, result.history)
    write_json(folder / names.METRICS, result.metrics)
    for name, image in images(result).items():
        sitk.WriteImage(image, str(names.image_file(folder, name)))
    write_arrays(result, folder / names.ARRAYS, config)


def images(result: Registered) -> dict[str, sitk.Image]:
    """The images of a run by the names of their files; those that it does not have are left out."""
    truth = result.pair.true_displacement
    found = {
        "warped": result.warped_image,
        "displacement": result.displacement,
        "jacobian": result.jacobian,
        "inverse_displacement": result.inverse_displacement,
        "true_displacement": None if truth is None else sitk.Cast(truth, sitk.sitkVectorFloat32),
        "warped_labels": result.warped_labels,
        **{f"warped_{name}": channel for name, channel in result.warped_channels.items()},
    }
    return {name: image for name, image in found.items() if image is not None}


def write_history(path: Path, history: History) -> None:
    """Write a CSV file with a column per term and a row per iteration, counted from 1."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["iteration", *history.names])
        writer.writerows([i, *row] for i, row in enumerate(history.rows.tolist(), start=1))


def write_arrays(result: Registered, path: Path, config: Mapping[str, Any]) -> None:
    """Write the HDF5 file with the original images, the field, the curves, and what the figures show."""
    arrays = {
        "fixed": geometry.array(result.pair.fixed),
        "moving": geometry.array(result.pair.moving),
        "warped": geometry.array(result.warped_image),
        "field": result.field,
    }
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip", compression_opts=1)
        for name, values in result.history.columns().items():
            file[f"history/{name}"] = values
        result.figure_arrays.write(file)
        file.attrs["config"] = plain_json.dumps(config)
        file.attrs["provenance"] = plain_json.dumps(provenance())


def write_json(path: Path, content: Any) -> None:
    """Write by rename, so that the file is there whole or not at all."""
    with replacing(path) as part:
        part.write_text(plain_json.dumps(content, indent=2) + "\n", encoding="utf-8")

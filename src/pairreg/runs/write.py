"""The one writer of run folders."""

import csv
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, plain_json, whole_transform
from pairreg.files import expanded, replacing
from pairreg.hdf5_files import writing_hdf5
from pairreg.image_files import check_nifti_grid, write_image
from pairreg.optimization.history import History
from pairreg.optimization.resampled_pair import ResampledPair
from pairreg.pair.pair import InputNote, Pair
from pairreg.runs import folder as names
from pairreg.runs.content import digest
from pairreg.runs.draw import draw
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.runs.identity import Input
from pairreg.runs.provenance import provenance
from pairreg.runs.replace import discard, recover, take_place, workplace

log = logging.getLogger("pairreg")


class Registered(Protocol):
    """The attributes of a result that are written; see `pairreg.result.Result` for units and axis orders."""

    @property
    def pair(self) -> Pair: ...
    @property
    def prepared(self) -> ResampledPair: ...
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
    def transform(self) -> sitk.CompositeTransform: ...
    @property
    def jacobian(self) -> sitk.Image: ...
    @property
    def programs(self) -> Mapping[str, str]: ...
    @property
    def inverse_displacement(self) -> sitk.Image | None: ...
    @property
    def inverse_consistency(self) -> sitk.Image | None: ...
    @property
    def warped_labels(self) -> sitk.Image | None: ...
    @property
    def warped_channels(self) -> Mapping[str, sitk.Image]: ...


def check_grids(pair: Pair) -> None:
    """Raise `InputError` if the images of a run of `pair` could not be written such that they lie where they should."""
    for role, image in (("fixed", pair.fixed), ("moving", pair.moving)):
        check_nifti_grid(image, pair.inputs[role].path if role in pair.inputs else f"the {role} image")


def write(
    result: Registered,
    folder: Path,
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    inputs: Sequence[Input] = (),
) -> None:
    """Write all files of a run; `result.json`, which makes the run complete, comes last and by rename.

    A result that `folder` holds already stays until then, see `pairreg.runs.replace`.
    """
    recover(folder)
    place = workplace(folder)
    discard(folder)
    try:
        _write_all(result, place, config, choices, inputs)
        take_place(place, folder)
    finally:
        discard(folder)


def _write_all(
    result: Registered,
    folder: Path,
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    inputs: Sequence[Input],
) -> None:
    # Figures come after the files: a run without room for them has its numbers still.
    write_partial(result, folder, config)
    draw(result.figure_arrays, result.history, folder / names.FIGURES)
    summary = {
        "metrics": result.metrics,
        "choices": choices,
        "config": config,
        "inputs": _described(inputs, result.prepared.pair.inputs, result.pair),
        "provenance": {**provenance(), **{f"version/{name}": version for name, version in result.programs.items()}},
    }
    (folder / names.CHECKPOINT).unlink(missing_ok=True)  # a complete run has none, however this process ends
    _write_json(folder / names.RESULT, summary)


def _described(inputs: Sequence[Input], notes: Mapping[str, InputNote], pair: Pair) -> list[dict[str, Any]]:
    """Return the files that a run depends on, each with what was repaired and is doubtful in it.

    Those of a pair that Python read, which no config names, come last.
    """
    paths = {str(expanded(one.path)) for one in inputs}
    # A file that a config names has its digest already; of an HDF5 file it would take every case to make another.
    others = [
        Input(f"pair.{role}", note.path, _digest_of(note, pair, role))
        for role, note in notes.items()
        if note.path not in paths
    ]
    return [asdict(one) | _said_of(str(expanded(one.path)), notes) for one in (*inputs, *others)]


def _digest_of(note: InputNote, pair: Pair, role: str) -> str:
    """Return the digest of the file that was read, or of its image if it is there no more as it was."""
    if note.is_unchanged:
        return digest(note.whole_path)
    log.warning(f"{note.path} has changed since it was read: the result is kept with a digest of what was read.")
    image = pair.image_of(role)
    grid = repr([image.GetSpacing(), image.GetOrigin(), image.GetDirection()])
    return hashlib.blake2b(grid.encode() + geometry.array(image).tobytes(), digest_size=16).hexdigest()


def _said_of(path: str, notes: Mapping[str, InputNote]) -> dict[str, list[str]]:
    """Return the repairs and warnings of the file `path` in whatever role, each once."""
    found = [note for note in notes.values() if note.path == path]
    return {
        "repairs": list(dict.fromkeys(text for note in found for text in note.repairs)),
        "warnings": list(dict.fromkeys(text for note in found for text in note.warnings)),
    }


def write_partial(result: Registered, folder: Path, config: Mapping[str, Any]) -> None:
    """Write all but the figures and `result.json`: also what is kept of a run that stopped early."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / names.METRICS, result.metrics)
    if len(result.history):  # a method of others leaves none; after the metrics, which a run with a history has
        _write_history(folder / names.HISTORY, result.history)
    for name, image in _images(result).items():
        write_image(image, names.image_file(folder, name))
    whole_transform.write(result.transform, folder / names.TRANSFORM)
    write_arrays(result, folder / names.ARRAYS, config)


def _images(result: Registered) -> dict[str, sitk.Image]:
    """Return the images of a run by the names of their files; those that it does not have are left out."""
    truth = result.pair.true_displacement
    found = {
        "warped": result.warped_image,
        "displacement": result.displacement,
        "jacobian": result.jacobian,
        "inverse_displacement": result.inverse_displacement,
        "inverse_consistency": result.inverse_consistency,
        "true_displacement": None if truth is None else sitk.Cast(truth, sitk.sitkVectorFloat32),
        "warped_labels": result.warped_labels,
        **{f"warped_{name}": channel for name, channel in result.warped_channels.items()},
    }
    return {name: image for name, image in found.items() if image is not None}


def _write_history(path: Path, history: History) -> None:
    """Write a CSV file with a column per term and a row per iteration, counted from 1."""
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
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
    with writing_hdf5(path) as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip", compression_opts=1)
        for name, values in result.history.columns().items():
            file[f"history/{name}"] = values
        result.figure_arrays.write(file)
        file.attrs["config"] = plain_json.dumps(config)
        file.attrs["provenance"] = plain_json.dumps(provenance())


def _write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON by rename, so that the file is there whole or not at all."""
    with replacing(path) as part:
        part.write_text(plain_json.dumps(content, indent=2) + "\n", encoding="utf-8")

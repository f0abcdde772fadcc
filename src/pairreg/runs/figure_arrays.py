"""The arrays that the figures of a run show; they lie in its `result.h5`, beside the field."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pairreg.arrays import Field, Image, Labels
from pairreg.turning import Turn

_IMAGES = ("fixed", "moving", "warped")
LABELS = ("fixed_labels", "moving_labels", "warped_labels")
_LANDMARKS = ("fixed_landmarks", "moving_landmarks")
_GROUP = "scene"  # in result.h5, beside `field`


@dataclasses.dataclass(frozen=True, kw_only=True)
class FigureArrays:
    """Arrays on the preprocessed fixed grid.

    **Attributes:**

    - `name` of the pair.
    - `fixed`, `moving` (after the linear part of the initialisation), `warped`: `(*spatial,)`, preprocessed
      intensities from 0 to 1.
    - `field`: `(*spatial, ndim)` in voxels, array axis order, without the linear part of the initialisation.
    - `spacing`: mm, array axis order.
    - `direction`: the cosines of the grid's axes, row by row and x first as in SimpleITK; None of arrays that lie as
      they are drawn, and of a run from before they were kept.
    - `fixed_labels`, `moving_labels` (after the initialisation), `warped_labels`: `(*spatial,)` or None.
    - `label_names`: of label values.
    - `channels` of the pair after the registration, `(*spatial,)` in their own units.
    - `fixed_landmarks`, `moving_landmarks` (after the initialisation): `(n, ndim)` in voxels, array axis order, or
      None.
    """

    name: str
    fixed: Image
    moving: Image
    warped: Image
    field: Field
    spacing: tuple[float, ...]
    fixed_labels: Labels | None = None
    moving_labels: Labels | None = None
    warped_labels: Labels | None = None
    label_names: Mapping[int, str]
    direction: tuple[float, ...] | None = None
    channels: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    fixed_landmarks: np.ndarray | None = None
    moving_landmarks: np.ndarray | None = None

    def as_drawn(self) -> "FigureArrays":
        """Return the arrays as figures draw them; see `pairreg.turning`."""
        return self if self.direction is None else self.turned(Turn.of(self.direction))

    def turned(self, turn: Turn) -> "FigureArrays":
        """Return the arrays after a turn that makes them lie as they are drawn."""
        kept = {name: getattr(self, name) for name in (*_IMAGES, *LABELS, *_LANDMARKS)}
        there = {name: values for name, values in kept.items() if values is not None}
        turned: dict[str, Any] = {
            name: turn.points(values, self.fixed.shape) if name in _LANDMARKS else turn.values(values)
            for name, values in there.items()
        }
        return dataclasses.replace(
            self,
            **turned,
            field=turn.field(self.field),
            spacing=turn.per_axis(self.spacing),
            direction=None,
            channels={name: turn.values(channel) for name, channel in self.channels.items()},
        )

    def write(self, file: h5py.File) -> None:
        """Write all but the field into a group of `file`; images as float16, finer than any screen or paper."""
        group = file.create_group(_GROUP)
        for name in (*_IMAGES, *LABELS, *_LANDMARKS):
            values = getattr(self, name)
            if values is not None:
                stored = values.astype(np.float16) if name in _IMAGES else values
                group.create_dataset(name, data=stored, compression="gzip", compression_opts=1)
        for name, values in self.channels.items():
            group.create_dataset(f"channels/{name}", data=values, compression="gzip", compression_opts=1)
        group.attrs["name"] = self.name
        group.attrs["spacing"] = self.spacing
        if self.direction is not None:
            group.attrs["direction"] = self.direction
        group.attrs["label_names"] = json.dumps({str(k): v for k, v in self.label_names.items()})

    @classmethod
    def read(cls, path: Path) -> "FigureArrays":
        """Return the arrays in the `result.h5` of a run; raises `OSError` or `KeyError` if it does not hold them."""
        with h5py.File(path) as file:
            group = file[_GROUP]
            kept = (*_IMAGES, *LABELS, *_LANDMARKS)
            arrays: dict[str, Any] = {name: group[name][()] for name in kept if name in group}
            return cls(
                **arrays | {name: arrays[name].astype(np.float32) for name in _IMAGES},
                name=str(group.attrs["name"]),
                field=file["field"][()],
                spacing=_numbers(group.attrs["spacing"]),
                direction=_numbers(group.attrs["direction"]) if "direction" in group.attrs else None,
                channels={name: dataset[()] for name, dataset in group.get("channels", {}).items()},
                label_names=_label_names(group),
            )


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def read_label_names(path: Path) -> dict[int, str]:
    """Return the names of label values from the `result.h5` of a run, without reading its arrays."""
    with h5py.File(path) as file:
        return _label_names(file[_GROUP])


def _label_names(group: h5py.Group) -> dict[int, str]:
    return {int(value): name for value, name in json.loads(group.attrs["label_names"]).items()}

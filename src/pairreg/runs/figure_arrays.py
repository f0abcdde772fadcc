"""What the figures of a run show, from a result or from its run folder."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.carry import carry, channel_interpolation

if TYPE_CHECKING:
    from pairreg.result import Result

IMAGES = ("fixed", "moving", "warped")
LABELS = ("fixed_labels", "moving_labels", "warped_labels")
GROUP = "scene"  # in result.h5, beside `field`


@dataclasses.dataclass(frozen=True, kw_only=True)
class FigureArrays:
    """Everything on the preprocessed fixed grid.

    **Attributes:**

    - `name` of the pair.
    - `fixed`, `moving` (after the initialisation), `warped`: `(*spatial,)`, preprocessed intensities.
    - `field`: `(*spatial, ndim)` in voxels, array axis order, without the initialisation.
    - `spacing`: mm, array axis order.
    - `fixed_labels`, `moving_labels` (after the initialisation), `warped_labels`: `(*spatial,)` or None.
    - `label_names`: of label values.
    - `channels` of the pair after the registration, `(*spatial,)` in their own units.
    """

    name: str
    fixed: np.ndarray
    moving: np.ndarray
    warped: np.ndarray
    field: np.ndarray
    spacing: tuple[float, ...]
    fixed_labels: np.ndarray | None = None
    moving_labels: np.ndarray | None = None
    warped_labels: np.ndarray | None = None
    label_names: Mapping[int, str]
    channels: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, result: "Result") -> "FigureArrays":
        prepared = result.prepared
        pair = prepared.pair
        grid, identity = pair.fixed, sitk.Transform(pair.ndim, sitk.sitkIdentity)
        return cls(
            name=pair.name,
            fixed=prepared.fixed,
            moving=prepared.moving,
            warped=geometry.array(
                geometry.resample(pair.moving, grid, result.transform, fill=geometry.minimum(pair.moving))
            ),
            field=result.field,
            spacing=prepared.spacing,
            fixed_labels=labels_on(grid, pair.fixed_labels, identity),
            moving_labels=labels_on(grid, pair.moving_labels, prepared.initial),
            warped_labels=labels_on(grid, pair.moving_labels, result.transform),
            label_names=pair.label_names,
            channels={
                name: geometry.array(carry(channel, grid, result.transform, channel_interpolation(channel)))
                for name, channel in pair.channels.items()
            },
        )

    def write(self, file: h5py.File) -> None:
        """Into the group `scene`; images as float16, which is finer than any screen or paper."""
        group = file.create_group(GROUP)
        for name in (*IMAGES, *LABELS):
            values = getattr(self, name)
            if values is not None:
                stored = values.astype(np.float16) if name in IMAGES else values
                group.create_dataset(name, data=stored, compression="gzip", compression_opts=1)
        for name, values in self.channels.items():
            group.create_dataset(f"channels/{name}", data=values, compression="gzip", compression_opts=1)
        group.attrs["name"] = self.name
        group.attrs["spacing"] = self.spacing
        group.attrs["label_names"] = json.dumps({str(k): v for k, v in self.label_names.items()})

    @classmethod
    def read(cls, folder: str | Path) -> "FigureArrays":
        """From `result.h5` of a run folder."""
        with h5py.File(Path(folder) / "result.h5") as file:
            group = file[GROUP]
            arrays: dict[str, Any] = {name: group[name][()] for name in (*IMAGES, *LABELS) if name in group}
            return cls(
                **arrays | {name: arrays[name].astype(np.float32) for name in IMAGES},
                name=str(group.attrs["name"]),
                field=file["field"][()],
                spacing=tuple(float(s) for s in group.attrs["spacing"]),
                channels={name: dataset[()] for name, dataset in group.get("channels", {}).items()},
                label_names={int(k): v for k, v in json.loads(group.attrs["label_names"]).items()},
            )


def labels_on(grid: sitk.Image, labels: sitk.Image | None, transform: sitk.Transform) -> np.ndarray | None:
    return None if labels is None else geometry.array(geometry.resample(labels, grid, transform, nearest=True))

"""The planes of a run: each is a 2-D scene of its own."""

import dataclasses
from typing import Any

from pairreg.figures.views import View, informative_slices, views
from pairreg.runs.figure_arrays import LABELS, FigureArrays

Place = tuple[float, ...]  # where planes meet: a part of the field of view along each axis, 0 to 1


@dataclasses.dataclass(frozen=True)
class Plane:
    """A 2-D scene, and the view of the plane, whose `axis` is None: nothing more is to be cut.

    `at`: where this plane and the others of its image meet.
    """

    scene: FigureArrays
    view: View
    at: Place


def planes(arrays: FigureArrays, count: int = 2, at: Place | None = None) -> list[Plane]:
    """Return the image in 2-D; in 3-D the first `count` of the axial, coronal and sagittal planes.

    **Arguments:** `at`: where they meet, in another run of the pair: settings that preprocess the images differently
    may have another grid over the same field of view, and other slices that tell most. None: in the slices that do.
    """
    scene = arrays.as_drawn()
    shape = scene.fixed.shape
    if at is None:
        slices = informative_slices(scene.fixed, scene.fixed_labels)
        at = tuple((i + 0.5) / n for i, n in zip(slices, shape, strict=True))
    voxel = [min(int(part * n), n - 1) for part, n in zip(at, shape, strict=True)]
    return [
        Plane(_cut_by(scene, view), dataclasses.replace(view, axis=None, index=None), at)
        for view in views(shape, scene.spacing, voxel)[:count]
    ]


def _cut_by(scene: FigureArrays, view: View) -> FigureArrays:
    """Return the arrays in the plane of a view; the field keeps its components within the plane."""
    maps = {name: getattr(scene, name) for name in LABELS}
    labels: dict[str, Any] = {name: view.cut(values) for name, values in maps.items() if values is not None}
    return FigureArrays(
        name=scene.name,
        fixed=view.cut(scene.fixed),
        moving=view.cut(scene.moving),
        warped=view.cut(scene.warped),
        field=view.cut(scene.field)[..., view.in_plane],
        spacing=view.spacing,
        label_names=scene.label_names,
        channels={name: view.cut(channel) for name, channel in scene.channels.items()},
        **labels,
    )

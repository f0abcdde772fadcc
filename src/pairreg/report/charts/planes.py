"""The planes of a run: each is a 2-D scene of its own."""

import dataclasses
from typing import Any

from pairreg.figures.views import View, informative_slices, views
from pairreg.runs.figure_arrays import LABELS, FigureArrays


@dataclasses.dataclass(frozen=True)
class Plane:
    """A 2-D scene, and the view of the plane, whose `axis` is None: nothing more is to be cut."""

    scene: FigureArrays
    view: View


def planes(arrays: FigureArrays, count: int = 2) -> list[Plane]:
    """Return the image in 2-D; in 3-D the first `count` of the informative axial, coronal and sagittal planes."""
    scene = arrays.as_drawn()
    at = informative_slices(scene.fixed, scene.fixed_labels)
    return [
        Plane(_cut_by(scene, view), dataclasses.replace(view, axis=None, index=None))
        for view in views(scene.fixed.shape, scene.spacing, at)[:count]
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

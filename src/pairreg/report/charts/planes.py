"""Planes of a run: each is a 2-D scene of its own."""

import dataclasses

from pairreg.figures.views import View, informative_slices, views
from pairreg.runs.figure_arrays import LABELS, Scene


@dataclasses.dataclass(frozen=True)
class Cut:
    """A 2-D scene and the view (without an axis: nothing more to cut) that says how to look at it."""

    scene: Scene
    view: View


def cuts(scene: Scene, planes: int = 2) -> list[Cut]:
    """The image in 2-D; in 3-D the first of the informative axial, coronal and sagittal planes."""
    at = informative_slices(scene.fixed, scene.fixed_labels)
    return [
        Cut(plane(scene, view), dataclasses.replace(view, axis=None, index=None))
        for view in views(scene.fixed.shape, scene.spacing, at)[:planes]
    ]


def plane(scene: Scene, view: View) -> Scene:
    """The field keeps its components within the plane."""
    labels = {name: None if getattr(scene, name) is None else view.cut(getattr(scene, name)) for name in LABELS}
    return Scene(
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

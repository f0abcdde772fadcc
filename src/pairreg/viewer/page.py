"""The HTML page of one run, which needs no other file and no server."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import SimpleITK as sitk
from jinja2 import Environment, StrictUndefined

from pairreg import geometry
from pairreg.figures.grid import round_step
from pairreg.figures.labels import NAMED, label_values
from pairreg.figures.overview import DIVERGING
from pairreg.figures.style import colour
from pairreg.figures.views import SIDES, View, informative_slices, views
from pairreg.files import replacing
from pairreg.viewer.encode import deflated, mosaic
from pairreg.viewer.scene import Scene

LARGEST = 3_000_000  # bytes of a page
_VOXELS = 4_000_000  # of a volume, at most
_LONGEST = 4096  # voxels along an axis, at most: browsers and image formats have limits
_NODES = 60_000  # of the displacement, at most: it is smooth
_LANDMARKS = 2000  # at most: of more, as of keypoints, some are left out evenly
_GRID_LINES = 30  # along the longest side
_FINER = 0.97  # by how much a spacing is tried finer than the next


def write_page(scene: Scene, heading: str, path: Path) -> None:
    """Write the page of a run as the file `path`; see `page`."""
    text = page(scene, heading)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def page(scene: Scene, heading: str) -> str:
    """Return the text of the page, of `LARGEST` bytes at most; `heading` says which run it is.

    Its volumes are as fine as that allows: their finest axes are resampled to larger voxels, intensities as means over
    them, labels as those at their centres.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("pairreg.viewer").joinpath("page.html").read_text(encoding="utf-8"))
    voxels = _VOXELS
    while True:
        text = template.render(name=scene.name, heading=heading, data=content(scene, voxels))
        excess = len(text.encode()) / LARGEST
        if excess <= 1:
            return text
        voxels = int(_FINER * voxels / excess)


def content(scene: Scene, voxels: int) -> dict[str, Any]:
    """Return what the page shows, as its script takes it, in volumes of `voxels` at most.

    All axes are z, y, x, the first of one voxel for a 2-D image; places are in mm from the outer corner of the first
    voxel, so that volumes of different voxels share them.
    """
    grid = coarser(scene.images["fixed"], voxels)
    spacing, size = geometry.spacing(grid), grid.GetSize()[::-1]
    volumes = {name: _resampled(image, grid) for name, image in scene.images.items()}
    maps = {name: _resampled(labels, grid, nearest=True) for name, labels in scene.labels.items()}
    at = informative_slices(volumes["fixed"], maps.get("fixed"))
    return {
        "shape": _three(size, 1),
        "spacing": _three(spacing, 1.0),
        "images": {name: mosaic(values.reshape(_three(size, 1))) for name, values in volumes.items()},
        "displacement": _displacement(scene.displacement),
        "landmarks": {
            name: [
                _three(place, 0.5)
                for place in _places(points[:: ceil(len(points) / _LANDMARKS)], scene.images["fixed"])
            ]
            for name, points in scene.landmarks.items()
        },
        "planes": [_plane(view) for view in views(size, spacing, at)],
        "start": _three([(i + 0.5) * h for i, h in zip(at, spacing, strict=True)], 0.5),
        "step": round_step(max(n * h for n, h in zip(size, spacing, strict=True)) / _GRID_LINES),
        "difference": scene.difference,
        "diverging": [list(rgb[:3]) for rgb in matplotlib.colormaps[DIVERGING](range(256), bytes=True).tolist()],
        "corner": list(grid.TransformContinuousIndexToPhysicalPoint([-0.5] * len(size))),
        "directions": np.reshape(grid.GetDirection(), (len(size),) * 2).tolist(),
        **_label_content(maps, scene.label_names),
    }


def coarser(image: sitk.Image, voxels: int) -> sitk.Image:
    """Return a grid of `voxels` at most, and no axis too long for a browser, over the field of view of an image.

    Only axes that are finer than the spacing which this takes become coarser.
    """
    old = np.array(image.GetSpacing())
    finest = old.min()
    grid = geometry.grid_of_spacing(image, old)
    while grid.GetNumberOfPixels() > voxels or max(grid.GetSize()) > _LONGEST:
        finest /= _FINER
        grid = geometry.grid_of_spacing(image, np.maximum(old, finest))
    return grid


def _resampled(image: sitk.Image, grid: sitk.Image, nearest: bool = False) -> np.ndarray:
    return geometry.array(geometry.resample(image, grid, geometry.identity(grid.GetDimension()), nearest))


def _label_content(maps: Mapping[str, np.ndarray], label_names: Mapping[int, str]) -> dict[str, Any]:
    """Return the label maps, with numbers from 1 in place of their values, and the colour and name of each number.

    The numbers are those of the fixed labels, so that colours are as in the figures of the run, then all others.
    """
    values = list(dict.fromkeys(value for array in maps.values() for value in label_values(array)))
    named = values if len(values) <= NAMED else []
    return {
        "labels": {name: deflated(_numbered(array, values)) for name, array in maps.items()},
        "colours": [colour(i) for i in range(len(values))],
        "names": [label_names.get(value, f"label {value}") for value in named],
    }


def _numbered(labels: np.ndarray, values: Sequence[int]) -> np.ndarray:
    """Return labels with their positions in `values`, from 1, in place of their values."""
    found = np.zeros(labels.shape, np.uint16)
    for number, value in enumerate(values, start=1):
        found[labels == value] = number
    return found


def _displacement(displacement: sitk.Image) -> dict[str, Any]:
    """Return the components z, y, x of a displacement in mm, one after the other, as multiples of a unit."""
    nodes = coarser(displacement, _NODES)
    sampled = geometry.array(sitk.Resample(displacement, nodes, geometry.identity(nodes.GetDimension())))
    values = np.moveaxis(sampled[..., ::-1], -1, 0)
    if len(values) == 2:
        values = np.stack([np.zeros_like(values[0]), *values])[:, None]
    unit = max(float(abs(values).max()), 1e-6) / np.iinfo(np.int16).max
    return {
        "shape": values.shape[1:],
        "spacing": _three(geometry.spacing(nodes), 1.0),
        "unit": unit,
        "values": deflated(np.round(values / unit).astype(np.int16)),
    }


def _places(points: np.ndarray, image: sitk.Image) -> list[list[float]]:
    """Return points in voxels of an image (x first) in mm from the corner of its first one, array axis order."""
    return ((points + 0.5) * image.GetSpacing())[:, ::-1].round(2).tolist()


def _plane(view: View) -> Mapping[str, Any]:
    """Return the axis across a view, whether rows go upwards, and the sides of the body along rows and columns."""
    if view.axis is None:
        return {"name": "", "axis": 0, "up": False, "sides": []}
    return {"name": view.name, "axis": view.axis, "up": view.up, "sides": [SIDES[axis] for axis in view.in_plane]}


def _three(values: Any, first: float) -> list[Any]:
    """Return what belongs to the axes of an image, with `first` for the third one that a 2-D image lacks."""
    listed = [value for value in values]
    return listed if len(listed) == 3 else [first, *listed]

"""Pairs of phantoms with a known displacement."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from pairreg import geometry
from pairreg.backend.memory import lack_of_memory
from pairreg.errors import InputError
from pairreg.pair.pair import Pair
from pairreg.pair.phantom.block import Block
from pairreg.pair.phantom.deformation import RandomDeformation, on_grid
from pairreg.pair.phantom.patient import as_patient
from pairreg.pair.phantom.torso import label_names, paint
from pairreg.pair.phantom.variation import Anatomy, AnatomyChoice, anatomy_of
from pairreg.validation import NonNegative, Positive, Seed, checked

Side = Annotated[int, Field(ge=2, le=100_000)]  # of an image, in voxels
Level = Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)]  # mm along the body
_BYTES = 150  # that the making of a phantom takes at its height, per voxel


@dataclass(frozen=True)
class Phantom:
    """The images of a phantom on one grid.

    **Attributes:** `labels`: label map (int16); `hu`: CT numbers; `mu`: attenuation at 140 keV (1/cm); `activity`:
    relative.
    """

    labels: sitk.Image
    hu: sitk.Image
    mu: sitk.Image
    activity: sitk.Image


@checked
def phantom_2d(
    *,
    size: Sequence[Side] = (256, 192),
    spacing: Positive | Sequence[Positive] = 1.6,
    level: Level = 200.0,
    seed: Seed = 0,
    deformation: NonNegative = 12.0,
    smoothness: Positive = 50.0,
    anatomy: AnatomyChoice = None,
    texture: NonNegative = 40.0,
    patient: bool = False,
) -> Pair:
    """Return an axial slice of a procedural torso, and the same slice under a known smooth deformation.

    It is a plane of `phantom_3d`, which says more.

    **Arguments:** `level`: z in mm, 0 = top of the sacrum: 420 shoulders, 300 heart, 200 lung base, 120 kidneys, -100
    hips. The slice stays at its anatomical level, so `anatomy.height` changes nothing.
    """
    return _make_pair("phantom_2d", 2, size, spacing, level, seed, deformation, smoothness, anatomy, texture, patient)


@checked
def phantom_3d(
    *,
    size: Sequence[Side] = (80, 56, 128),
    spacing: Positive | Sequence[Positive] = 5.0,
    level: Level = 150.0,
    seed: Seed = 0,
    deformation: NonNegative = 15.0,
    smoothness: Positive = 60.0,
    anatomy: AnatomyChoice = None,
    texture: NonNegative = 40.0,
    patient: bool = False,
) -> Pair:
    """Return a procedural torso as the moving image, and the same under a known smooth deformation as the fixed one.

    **Arguments:**

    - `size` in voxels and `spacing` in mm (one number or one per axis), x first; the grid is centred in x and y.
    - `level`: z of the middle of the image in mm, 0 = top of the sacrum; the body reaches from -300 (mid-thigh) to 500
      (neck).
    - `seed`: of the deformation, of a random anatomy and of the patient's noise.
    - `deformation`: largest displacement in mm, 0 = none; `smoothness`: spacing of its control points in mm.
    - `anatomy`: parameters of the fixed phantom that are not average, see `Anatomy`; `"random"`: drawn by `seed`.
    - `texture`: standard deviation in HU of a smooth structure of waves of 12 to 40 mm within all tissues, which both
      images share; without it nothing tells where inside an organ a point lies. With the default the default method has
      a mean end-point error below a voxel; organs of a patient vary by less.
    - `patient`: whether the fixed image has texture, blur and noise.

    `fixed(x) = moving(x + true_displacement(x))` holds exactly, since both images come from the same formulas. Where
    the anatomy changes `fat`, `organ_scale` or `left_lung`, there is no such displacement: `true_displacement` is None.
    `channels` are `activity` and `attenuation` (1/cm at 140 keV) of the moving phantom.

    Raises `InputError` for values out of range.
    """
    return _make_pair("phantom_3d", 3, size, spacing, level, seed, deformation, smoothness, anatomy, texture, patient)


def _make_pair(
    name: str,
    ndim: int,
    size: Sequence[int],
    spacing: float | Sequence[float],
    level: float,
    seed: int,
    deformation: float,
    smoothness: float,
    anatomy: AnatomyChoice,
    texture: float,
    patient: bool,
) -> Pair:
    grid = make_grid(size, spacing, level, ndim)
    body = anatomy_of(anatomy, seed)
    shift = None
    if deformation:
        extent = tuple(n * h for n, h in zip(grid.GetSize(), grid.GetSpacing(), strict=True))
        shift = on_grid(RandomDeformation(extent, deformation, smoothness, seed), grid.GetSize())
    moving = phantom(grid, level, texture=texture)
    fixed = phantom(grid, level, body, shift, texture)
    return Pair(
        name=name,
        fixed=as_patient(fixed.hu, seed) if patient else fixed.hu,
        moving=moving.hu,
        fixed_labels=fixed.labels,
        moving_labels=moving.labels,
        channels={"activity": moving.activity, "attenuation": moving.mu},
        label_names=label_names(),
        true_displacement=_true_displacement(grid, level, body, shift) if body.same_shapes else None,
    )


def make_grid(size: Sequence[int], spacing: float | Sequence[float], level: float, ndim: int) -> sitk.Image:
    """Return an empty image of `ndim` dimensions centred at x = y = 0 and, in 3-D, z = `level`.

    Raises `InputError` for sizes and spacings that cannot be used.
    """
    steps = [float(h) for h in (np.broadcast_to(spacing, ndim) if np.ndim(spacing) == 0 else np.asarray(spacing))]
    if len(size) != ndim or min(size) < 2:
        raise InputError(f"phantom size is {list(size)}; give {ndim} whole numbers of 2 or more.")
    if len(steps) != ndim or not all(0 < h < np.inf for h in steps):
        raise InputError(f"phantom spacing is {steps}; give {ndim} numbers above 0, or one.")
    if problem := lack_of_memory(f"a phantom of {' × '.join(map(str, size))} voxels", _BYTES * math.prod(size) / 1e9):
        raise InputError(problem)
    grid = sitk.Image(list(size), sitk.sitkUInt8)
    grid.SetSpacing(steps)
    grid.SetOrigin([c - (n - 1) * h / 2 for c, n, h in zip((0, 0, level), size, steps, strict=False)])
    return grid


def phantom(
    grid: sitk.Image,
    level: float = 0.0,
    anatomy: Anatomy | None = None,
    displacement: np.ndarray | None = None,
    texture: float = 0.0,
    without: Collection[str] = (),
) -> Phantom:
    """Return the phantom on a 2-D or 3-D grid, at `x + displacement(x)`.

    **Arguments:** `level`: z of a 2-D grid in mm; `displacement` `(*spatial, ndim)` in mm, x first; `texture`: in HU,
    of the CT numbers; `without`: organs to leave out. Edges are as wide as a voxel. Raises `InputError` for an organ
    that does not exist.
    """
    body = anatomy or Anatomy()
    for organ in without:
        if organ not in label_names().values():
            raise InputError(f"the phantom has no organ {organ!r}; it has {', '.join(label_names().values())}.")
    points = [np.asarray(p, np.float32) for p in _average_points(grid, level, body, displacement)]
    solid = [p if grid.GetDimension() == 3 else p[None] for p in points]
    torso = paint(Block.of(*solid), body, edge=float(np.mean(grid.GetSpacing())), structure=texture, missing=without)
    shape = grid.GetSize()[::-1]
    images = {key: geometry.image(values.reshape(shape), grid) for key, values in torso.values.items()}
    return Phantom(geometry.image(torso.labels.reshape(shape), grid), **images)


def _average_points(grid: sitk.Image, level: float, anatomy: Anatomy, displacement: np.ndarray | None) -> Any:
    """Return x, y and z, each `(*spatial,)`, of the point of the average body that every voxel shows."""
    voxels = geometry.voxel_points(grid)
    voxels = voxels if displacement is None else voxels + displacement
    z = voxels[..., 2] if grid.GetDimension() == 3 else np.full(voxels.shape[:-1], level * anatomy.height)
    return anatomy.to_average((voxels[..., 0], voxels[..., 1], z))


def _true_displacement(grid: sitk.Image, level: float, anatomy: Anatomy, displacement: np.ndarray | None) -> sitk.Image:
    """Return the displacement from each fixed point to its place in the average body, which the moving image shows."""
    points = np.stack(_average_points(grid, level, anatomy, displacement)[: grid.GetDimension()], -1)
    return geometry.image(points - geometry.voxel_points(grid), grid, vector=True)

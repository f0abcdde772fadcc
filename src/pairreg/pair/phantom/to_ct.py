"""Pairs of the phantom, as the moving image, and the CT of a patient, as the fixed one."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.pair.bundled import bundled
from pairreg.pair.files import notes_of, read_side
from pairreg.pair.pair import Pair
from pairreg.pair.phantom.pair import Level, Side, make_grid, phantom
from pairreg.pair.phantom.torso import table
from pairreg.pair.phantom.variation import AnatomyChoice, anatomy_of
from pairreg.reading.notes import ImageFile
from pairreg.reading.padding import measured
from pairreg.reading.roles import read_labels
from pairreg.validation import Positive, Seed, checked

_BODY, _RIGHT_LUNG, _LEFT_LUNG, _BONE, _AIRWAY = 1, 2, 3, 4, 5  # the classes of the bundled CT
_BUNDLED_TOP = 50  # slices of the bundled CT; above are the head and raised arms, which the phantom does not have
BUNDLED_ANATOMY: dict[int, dict[str, float]] = {2: {}, 3: {"height": 0.85, "kyphosis": 20.0, "left_lung": 0.5}}
_MARGIN = 12.0  # mm around the body that count in the similarity; the table does not


@checked
def phantom_to_ct_2d(
    *,
    fixed: str | Path | None = None,
    fixed_labels: str | Path | None = None,
    size: Sequence[Side] = (240, 180),
    spacing: Positive | Sequence[Positive] = 1.5,
    level: Level = 380.0,
    anatomy: AnatomyChoice = None,
    without: Sequence[str] = ("humeri", "scapulae"),
    seed: Seed = 0,
) -> Pair:
    """Return a slice of a procedural torso as the moving image, an axial slice of a patient's CT as the fixed one.

    See `phantom_to_ct_3d`, which says more.
    """
    return _make_pair("phantom_to_ct_2d", 2, fixed, fixed_labels, size, spacing, level, anatomy, without, seed)


@checked
def phantom_to_ct_3d(
    *,
    fixed: str | Path | None = None,
    fixed_labels: str | Path | None = None,
    size: Sequence[Side] = (104, 72, 96),
    spacing: Positive | Sequence[Positive] = 4.0,
    level: Level = 285.0,
    anatomy: AnatomyChoice = None,
    without: Sequence[str] = ("humeri",),
    seed: Seed = 0,
) -> Pair:
    """Return a procedural torso as the moving image, and a patient's CT as the fixed one.

    **Arguments:**

    - `fixed`: the CT; None: the fixed image of the bundled pair of that dimension up to the shoulders, with its labels.
    - `fixed_labels`: of `fixed`, 1 other body, 2 right lung, 3 left lung, 4 bone, 5 airway, as the moving ones. With
      them only the body and a margin around it count in the similarity, not the table.
    - `size`, `spacing`, `level`: of the phantom's grid, as in `phantom_3d`; its centre is put onto that of `fixed`.
    - `anatomy`: parameters of the phantom that are not average, see `Anatomy`; `"random"`: drawn by `seed`; None: those
      of the bundled patient (in 3-D small, bent, most of the left lung collapsed), average for any other.
    - `without`: organs to leave out, such as `humeri` and `scapulae`, which are elsewhere if the arms are raised.

    `channels` are `activity`, `attenuation` (1/cm at 140 keV), and `organs`, the phantom's own labels.

    Raises `InputError` for values out of range and for files that cannot be used.
    """
    return _make_pair("phantom_to_ct_3d", 3, fixed, fixed_labels, size, spacing, level, anatomy, without, seed)


def _make_pair(
    name: str,
    ndim: int,
    fixed: str | Path | None,
    fixed_labels: str | Path | None,
    size: Sequence[int],
    spacing: float | Sequence[float],
    level: float,
    anatomy: AnatomyChoice,
    without: Collection[str],
    seed: int,
) -> Pair:
    grid = make_grid(size, spacing, level, ndim)
    choice = BUNDLED_ANATOMY[ndim] if fixed is None and anatomy is None else anatomy
    body = phantom(grid, level, anatomy_of(choice, seed), without=without)
    example = bundled(f"thorax_ct_{ndim}d")
    files = _patient_files(fixed, fixed_labels, example)
    image, labels = files["fixed"].image, files["fixed_labels"].image if "fixed_labels" in files else None
    near = _near_body(labels) if labels else None
    for part in (body.hu, body.labels, body.activity, body.mu):
        part.SetOrigin(geometry.centred_origin(part, image))
    return Pair(
        name=name,
        fixed=image,
        moving=body.hu,
        fixed_labels=labels,
        fixed_mask=measured(files["fixed"].padding, near, files["fixed"].path),
        moving_labels=_classes(body.labels),
        channels={"activity": body.activity, "attenuation": body.mu, "organs": body.labels},
        label_names=example.label_names,
        inputs=notes_of(files) if fixed else {},
    )


def _patient_files(fixed: str | Path | None, fixed_labels: str | Path | None, example: Pair) -> dict[str, ImageFile]:
    """The fixed image and label map, by role: from their files, or the bundled ones."""
    if fixed:
        files = read_side("fixed", fixed, labels=fixed_labels)
        found = files["fixed"].image.GetDimension()
        if found != example.ndim:
            raise InputError(f"{fixed} is {found}-D; give a {example.ndim}-D image, or pair=phantom_to_ct_{found}d.")
        return files
    image, labels = (ImageFile(Path(example.name), part) for part in _torso_of(example))
    return {"fixed": image, "fixed_labels": read_labels(fixed_labels, image) if fixed_labels else labels}


def _torso_of(example: Pair) -> tuple[sitk.Image, sitk.Image]:
    """Return the fixed image and labels of a bundled pair, without what the phantom does not have."""
    shown = (slice(None),) * 2 + (slice(_BUNDLED_TOP),) * (example.ndim - 2)
    assert example.fixed_labels is not None
    return example.fixed[shown], example.fixed_labels[shown]


def _near_body(labels: sitk.Image) -> sitk.Image:
    """Return a mask of the body with a margin."""
    distance = distance_transform_edt(geometry.array(labels) == 0, sampling=geometry.spacing(labels))
    return geometry.image((distance <= _MARGIN).astype(np.uint8), labels)


def _classes(organs: sitk.Image) -> sitk.Image:
    """Return the classes of the bundled CT for the phantom's organs."""
    values = geometry.array(organs)
    found = np.where(values > 0, _BODY, 0).astype(np.uint8)
    for name, organ in table()["organs"].items():
        if organ["label"] and (kind := _class_of(name, organ["tissue"])) != _BODY:
            found[values == organ["label"]] = kind
    return geometry.image(found, organs)


def _class_of(organ: str, tissue: str) -> int:
    known = {"lung_right": _RIGHT_LUNG, "lung_left": _LEFT_LUNG, "trachea": _AIRWAY}
    return _BONE if tissue == "trabecular" else known.get(organ, _BODY)

"""The metrics of a pair under a spatial transform.

This module prepares what the metrics of each kind are computed from. Which metrics there are, and which functions
compute them, stands in `pairreg.metrics.catalogue`.
"""

import importlib
import inspect
from collections.abc import Mapping, Set
from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.arrays import Field, Labels
from pairreg.metrics.catalogue import STAGES, USED, Kind, Metric, of_kind
from pairreg.pair.pair import Pair
from pairreg.transform_files.learn2reg import values_of
from pairreg.transform_files.write import displacements

Evidence = Mapping[str, Any]  # the arguments of a metric's function by name


def evaluate(
    pair: Pair,
    initial: sitk.Transform,
    final: sitk.Transform,
    field: Field,
    inverse: Field | None,
    used_labels: Set[int] = frozenset(),
    used_landmarks: Set[int] = frozenset(),
) -> dict[str, float]:
    """Return all metrics of a registration for which the (preprocessed) pair has what they need, by name.

    **Arguments:**

    - `initial`, `final`: map fixed to moving points after the initialisation and after the registration.
    - `field` `(*spatial, ndim)` in voxels, without the linear part of the initialisation, and its `inverse`, if there
      is one.
    - `used_labels`, `used_landmarks`: values of labels, and numbers of landmarks from 0, that the objective was given.
      They have metrics of their own, called `used/<name>`; all others are over what was not given.

    The metrics before the registration and after the initialisation are called `before/<name>` and `initial/<name>`.
    """
    submitted = submission(pair, final, used_labels, used_landmarks)
    under = partial(under_transform, pair, used_labels=used_labels, used_landmarks=used_landmarks)
    before = under(geometry.identity(pair.ndim))
    # Without an initialisation the metrics after it are those before: they are not computed twice.
    initialised = before if geometry.is_identity(initial, pair.ndim) else under(initial)
    earlier = dict(zip(STAGES, (before, initialised), strict=True))
    return (
        under(final, submitted)
        | of_field(field, inverse, submitted)
        | {f"{stage}/{name}": value for stage, found in earlier.items() for name, value in found.items()}
    )


def under_transform(
    pair: Pair,
    transform: sitk.Transform,
    submitted: Evidence | None = None,
    used_labels: Set[int] = frozenset(),
    used_landmarks: Set[int] = frozenset(),
) -> dict[str, float]:
    """Return the metrics of a preprocessed pair when `transform` maps fixed to moving points.

    Those over labels and landmarks that were used are called `used/<name>`. `submitted`: what `submission` gives for
    the transform, where that is known already.
    """
    submitted = submission(pair, transform, used_labels, used_landmarks) if submitted is None else submitted
    labels, landmarks = _label_evidence(pair, transform), _landmark_evidence(pair, transform)
    given = metrics_of_kind("labels", _of_labels(labels, used_labels, True), pair) | metrics_of_kind(
        "landmarks", _of_landmarks(landmarks, used_landmarks, True), pair
    )
    return (
        metrics_of_kind("images", _image_evidence(pair, transform), pair)
        | metrics_of_kind("labels", _of_labels(labels, used_labels, False), pair)
        | metrics_of_kind("landmarks", _of_landmarks(landmarks, used_landmarks, False), pair)
        | metrics_of_kind("truth", truth_evidence(pair, transform), pair)
        | metrics_of_kind("submission", submitted, pair)
        | {f"{USED}/{name}": value for name, value in given.items()}
    )


def _of_labels(evidence: Evidence | None, used: Set[int], wanted: bool) -> Evidence | None:
    """Return the evidence of those labels that are among the `used` ones (or are not); None if there is none."""
    if evidence is None:
        return None
    labels = [label for label in evidence["labels"] if (label in used) == wanted]
    return {**evidence, "labels": labels} if labels else None


def _of_landmarks(evidence: Evidence | None, used: Set[int], wanted: bool) -> Evidence | None:
    """Return the evidence of those landmarks that are among the `used` ones (or are not); None if there is none."""
    if evidence is None or not used:
        return None if wanted else evidence
    kept = np.array([(i in used) == wanted for i in range(len(evidence["inside"]))])
    if not kept.any():
        return None
    return {name: values[kept] if name != "voxel_size" else values for name, values in evidence.items()}


def of_field(field: Field, inverse: Field | None = None, submitted: Evidence | None = None) -> dict[str, float]:
    """Return the metrics of a field `(*spatial, ndim)` in voxels, and of its inverse if there is one.

    `submitted`: what `submission` gives for the pair; None for one that Learn2Reg does not evaluate.
    """
    both = None if inverse is None else {"field": field, "inverse": inverse}
    whole = {"field": field} | ({"submitted": field} if submitted is None else dict(submitted))
    return metrics_of_kind("field", whole) | metrics_of_kind("inverse", both)


def submission(
    pair: Pair,
    transform: sitk.Transform,
    used_labels: Set[int] = frozenset(),
    used_landmarks: Set[int] = frozenset(),
) -> Evidence | None:
    """Return the displacement that Learn2Reg's evaluator would be given, and what else it measures it with.

    Array axes are those of the evaluator: x, y, z, on the grid of the fixed file, whatever the preprocessing made of
    that. None for a pair that it does not evaluate. It has no labels and no landmarks that the objective was given.
    """
    if pair.evaluation_mask is None:
        return None
    from pairreg.metrics.learn2reg import warped  # imports SciPy

    grid = pair.evaluation_mask
    submitted = values_of(geometry.array(displacements(transform, grid)), grid, pair.moving)
    found: dict[str, Any] = {"submitted": submitted, "measured": (geometry.array(grid) > 0).T}
    if pair.fixed_landmarks is not None and pair.moving_landmarks is not None:
        rest = [i for i in range(len(pair.fixed_landmarks)) if i not in used_landmarks]
        if rest and pair.fixed_landmark_map is not None and pair.moving_landmark_map is not None:
            fixed, moving = geometry.array(pair.fixed_landmark_map).T, geometry.array(pair.moving_landmark_map).T
            values = common_labels(fixed, moving)
            found |= {
                "fixed_landmark_map": fixed,
                "warped_landmark_map": warped(moving, submitted),
                "landmark_values": [values[i] for i in rest],
            }
        elif rest:
            found |= {
                "fixed_voxels": geometry.voxels_of(pair.fixed_landmarks[rest], grid),
                "target_voxels": geometry.voxels_of(pair.moving_landmarks[rest], pair.moving),
                "voxel_size": pair.moving.GetSpacing(),
            }
    if pair.fixed_labels is not None and pair.moving_labels is not None:
        fixed, moving = geometry.array(pair.fixed_labels).T, geometry.array(pair.moving_labels).T
        labels = [label for label in common_labels(fixed, moving) if label not in used_labels]
        if labels and fixed.shape == submitted.shape[:-1] and pair.moving_labels.GetSize() == pair.moving.GetSize():
            found |= {"fixed_labels": fixed, "warped_labels": warped(moving, submitted), "labels": labels}
    return found


def metrics_of_kind(kind: Kind, evidence: Evidence | None, pair: Pair | None = None) -> dict[str, float]:
    """Return the metrics of one kind by name, those per label after the others; none if `evidence` is None."""
    if evidence is None:
        return {}
    whole: dict[str, float] = {}
    by_label: dict[str, float] = {}
    for metric in of_kind(kind):
        if "field" in evidence and min(evidence["field"].shape[:-1]) < metric.smallest:
            continue  # it is not defined there
        value = _call(metric, evidence)
        if value is None:
            continue
        if not isinstance(value, Mapping):
            whole[metric.name] = float(value)
            continue
        if metric.name != metric.stem:
            whole[metric.name] = float(np.mean(list(value.values())))
        names = pair.label_names if pair is not None else {}
        by_label |= {f"{metric.stem}/{names.get(label, label)}": float(v) for label, v in value.items()}
    return whole | by_label


def _call(metric: Metric, evidence: Evidence) -> Any:
    """Call the function of `metric` with the evidence that the names of its parameters ask for.

    Return None if one that it needs is not there.
    """
    assert metric.function is not None, "a cost is measured, not computed"
    module, _, name = metric.function.rpartition(".")
    function = getattr(importlib.import_module(f"pairreg.metrics.{module}"), name)
    parameters = inspect.signature(function).parameters
    if any(key not in evidence and parameter.default is parameter.empty for key, parameter in parameters.items()):
        return None
    return function(**{key: evidence[key] for key in parameters if key in evidence})


def _image_evidence(pair: Pair, transform: sitk.Transform) -> Evidence:
    """Return the preprocessed images, from 0 to 1 over the fixed grid, and the fixed mask if there is one.

    Where the moving image does not reach, it counts with its lowest intensity, which is what a viewer of the file
    shows.
    """
    background = geometry.minimum(pair.moving)
    return {
        "fixed": pair.from_0_to_1(geometry.array(pair.fixed)),
        "warped": pair.from_0_to_1(
            geometry.array(geometry.resample(pair.moving, pair.fixed, transform, fill=background))
        ),
        "mask": None if pair.fixed_mask is None else geometry.mask_on(pair.fixed, pair.fixed_mask),
        "known": geometry.coverage(pair.moving, pair.fixed, transform),
    }


def _label_evidence(pair: Pair, transform: sitk.Transform) -> Evidence | None:
    """Return the label maps, the warped one by nearest neighbour on the grid of the fixed one.

    None if a map is missing or no label is in both.
    """
    if pair.fixed_labels is None or pair.moving_labels is None:
        return None
    fixed, moving = geometry.array(pair.fixed_labels), geometry.array(pair.moving_labels)
    labels = common_labels(fixed, moving)
    if not labels:
        return None
    spacing = geometry.spacing(pair.fixed_labels)
    return {
        "fixed_labels": fixed,
        "warped_labels": geometry.array(
            geometry.resample(pair.moving_labels, pair.fixed_labels, transform, nearest=True)
        ),
        "moving_labels": moving,
        "spacing": spacing,
        "fixed_spacing": spacing,
        "moving_spacing": geometry.spacing(pair.moving_labels),
        "labels": labels,
    }


def common_labels(fixed: Labels, moving: Labels) -> list[int]:
    """Return the values above 0 that both maps have, in order."""
    return [int(k) for k in np.intersect1d(np.unique(fixed), np.unique(moving)) if k > 0]


def _landmark_evidence(pair: Pair, transform: sitk.Transform) -> Evidence | None:
    """Return the fixed landmarks carried through the transform, and the moving ones, in mm.

    With them goes which of the fixed ones lie in the fixed image. None if the pair has no landmarks.
    """
    if pair.fixed_landmarks is None or pair.moving_landmarks is None:
        return None
    mapped = np.array([transform.TransformPoint([float(x) for x in point]) for point in pair.fixed_landmarks])
    return {
        "mapped_points": mapped,
        "target_points": pair.moving_landmarks,
        "mapped_voxels": geometry.voxels_of(mapped, pair.moving),
        "target_voxels": geometry.voxels_of(pair.moving_landmarks, pair.moving),
        "voxel_size": pair.moving.GetSpacing(),
        "inside": geometry.inside(pair.fixed_landmarks, pair.fixed),
    }


def truth_evidence(pair: Pair, transform: sitk.Transform) -> Evidence | None:
    """Return the found and the true displacement in mm on the grid of the true one, and the body as a mask.

    The mask is where fixed labels are above 0; None without labels. The result is None if no true displacement is
    known.
    """
    truth = pair.true_displacement
    if truth is None:
        return None
    grid = (truth.GetSize(), truth.GetOrigin(), truth.GetSpacing(), truth.GetDirection())
    found = sitk.TransformToDisplacementField(transform, sitk.sitkVectorFloat64, *grid)
    body = None if pair.fixed_labels is None else geometry.mask_on(truth, pair.fixed_labels)
    return {"found": geometry.array(found), "true": geometry.array(truth), "mask": body}

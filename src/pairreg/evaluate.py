"""The figures of merit of a pair under a spatial transform."""

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, metrics
from pairreg.pair.pair import Pair


def evaluate(pair: Pair, transform: sitk.Transform) -> dict[str, float]:
    """The metrics of a preprocessed pair when `transform` maps fixed to moving points, as far as the pair has them."""
    return (
        image_metrics(pair, transform)
        | label_metrics(pair, transform)
        | landmark_metrics(pair, transform)
        | truth_metrics(pair, transform)
    )


def image_metrics(pair: Pair, transform: sitk.Transform) -> dict[str, float]:
    """On the preprocessed images over the fixed grid, inside the fixed mask if there is one.

    Where the moving image does not reach, it counts with its lowest intensity: as anyone sees who opens the file.
    """
    fixed = geometry.array(pair.fixed)
    fill = geometry.minimum(pair.moving)
    warped = geometry.array(geometry.resample(pair.moving, pair.fixed, transform, fill=fill))
    mask = None
    if pair.fixed_mask is not None:
        identity = sitk.Transform(pair.ndim, sitk.sitkIdentity)
        mask = geometry.array(geometry.resample(pair.fixed_mask, pair.fixed, identity, nearest=True)) > 0
    return {
        "ssim": metrics.ssim(fixed, warped, mask=mask),
        "mse": metrics.mse(fixed, warped, mask=mask),
        "pcc": metrics.pcc(fixed, warped, mask=mask),
        "ncc": metrics.ncc(fixed, warped, mask=mask),
    }


def label_metrics(pair: Pair, transform: sitk.Transform) -> dict[str, float]:
    """Dice and HD95 (mm) of every label that both maps have, nearest neighbour, on the grid of the fixed labels."""
    if pair.fixed_labels is None or pair.moving_labels is None:
        return {}
    fixed = geometry.array(pair.fixed_labels)
    warped = geometry.array(geometry.resample(pair.moving_labels, pair.fixed_labels, transform, nearest=True))
    moving = geometry.array(pair.moving_labels)
    labels = common_labels(fixed, moving)
    if not labels:
        return {}
    spacing = geometry.spacing(pair.fixed_labels)
    dice = metrics.dice(fixed, warped, labels=labels)
    hd95 = metrics.hd95(fixed, warped, spacing, labels=labels)
    change = metrics.volume_change(moving, geometry.spacing(pair.moving_labels), warped, spacing, labels=labels)
    return (
        {"dice_mean": float(np.mean(list(dice.values()))), "hd95_mean": float(np.mean(list(hd95.values())))}
        | {f"dice/{pair.label_names.get(k, k)}": v for k, v in dice.items()}
        | {f"hd95/{pair.label_names.get(k, k)}": v for k, v in hd95.items()}
        | {f"volume_change/{pair.label_names.get(k, k)}": v for k, v in change.items()}
    )


def common_labels(fixed: np.ndarray, moving: np.ndarray) -> list[int]:
    return [int(k) for k in np.intersect1d(np.unique(fixed), np.unique(moving)) if k > 0]


def landmark_metrics(pair: Pair, transform: sitk.Transform) -> dict[str, float]:
    """Mean distance (mm) between the mapped fixed landmarks and the moving ones."""
    if pair.fixed_landmarks is None or pair.moving_landmarks is None:
        return {}
    mapped = np.array([transform.TransformPoint([float(x) for x in point]) for point in pair.fixed_landmarks])
    return {"tre_mean": float(metrics.tre(mapped, pair.moving_landmarks).mean())}


def truth_metrics(pair: Pair, transform: sitk.Transform) -> dict[str, float]:
    """Mean end-point error (mm) against the true displacement, over its voxels where the fixed labels are above 0."""
    truth = pair.true_displacement
    if truth is None:
        return {}
    grid = (truth.GetSize(), truth.GetOrigin(), truth.GetSpacing(), truth.GetDirection())
    found = sitk.TransformToDisplacementField(transform, sitk.sitkVectorFloat64, *grid)
    error = np.linalg.norm(geometry.array(found) - geometry.array(truth), axis=-1)
    if pair.fixed_labels is not None:
        identity = sitk.Transform(pair.ndim, sitk.sitkIdentity)
        body = geometry.array(geometry.resample(pair.fixed_labels, truth, identity, nearest=True)) > 0
        error = error[body]
    return {"epe_mean": float(error.mean())}


def field_metrics(field: np.ndarray) -> dict[str, float]:
    """Regularity of a field `(*spatial, ndim)` in voxels; without `sdlogj_l2r` where it is not defined."""
    names = ["folds_percent", "ndv_percent", "sdlogj"]
    if min(field.shape[:-1]) >= 5:  # it leaves out 2 voxels at each border
        names.append("sdlogj_l2r")
    return {name: float(getattr(metrics, name)(field)) for name in names}

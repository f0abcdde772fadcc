"""The agreement of label maps, label by label; 0 is background."""

from collections.abc import Iterable, Sequence

import numpy as np

from pairreg.arrays import Labels


def dice(fixed_labels: Labels, warped_labels: Labels, labels: Iterable[int] | None = None) -> dict[int, float]:
    """Return the Dice overlap `2|F ∩ W| / (|F| + |W|)` of each label: 1 for equal regions, 0 for disjoint ones.

    **Arguments:** `fixed_labels`, `warped_labels`: integer maps `(*spatial,)`, the warped one by nearest-neighbour
    interpolation. `labels`: those to score, by default the ones above 0 in both maps. Pass the labels of the *moving*
    map, so that a label which warping destroyed counts as 0 instead of dropping out. Labels that the fixed map lacks
    are left out.

    **Raises:** `ValueError` if the shapes differ.

    Source: Dice, Ecology 26:297 (1945).
    """
    scored = labels_to_score(fixed_labels, warped_labels, labels)
    return {label: _dice_of(fixed_labels == label, warped_labels == label) for label in scored}


def _dice_of(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Dice overlap of two boolean regions."""
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


def volume_change(
    moving_labels: Labels,
    moving_spacing: Sequence[float],
    warped_labels: Labels,
    fixed_spacing: Sequence[float],
    labels: Iterable[int] | None = None,
) -> dict[int, float]:
    """Return the volume of each label after warping over its volume in the moving map: 1 is unchanged, 0 is lost.

    The maps are `(*spatial,)` on grids of their own; spacings in mm. The result has the labels above 0 of the moving
    map, or those of them in `labels`. What warping carries out of the fixed grid counts as lost.
    """
    wanted = None if labels is None else set(labels)
    moving, warped = _volumes(moving_labels, moving_spacing), _volumes(warped_labels, fixed_spacing)
    return {k: warped.get(k, 0.0) / volume for k, volume in moving.items() if wanted is None or k in wanted}


def _volumes(labels: Labels, spacing: Sequence[float]) -> dict[int, float]:
    """Return the volume of each label above 0 in mm³ (area in mm² in 2-D)."""
    voxel = float(np.prod(spacing))
    values, counts = np.unique(labels, return_counts=True)
    return {int(v): int(n) * voxel for v, n in zip(values, counts, strict=True) if v > 0}


def labels_to_score(fixed: Labels, warped: Labels, labels: Iterable[int] | None) -> list[int]:
    """Return the labels above 0 that `dice` and `hd95` score: those in `labels`, or else in `warped`.

    Labels that `fixed` lacks are left out. Raises `ValueError` if the shapes differ.
    """
    if fixed.shape != warped.shape:
        raise ValueError(f"fixed labels {fixed.shape} and warped labels {warped.shape} differ in shape")
    wanted = np.unique(warped) if labels is None else np.asarray(sorted(set(labels)))
    return [int(label) for label in np.intersect1d(wanted, fixed) if label > 0]

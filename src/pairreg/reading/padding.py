"""Voxels that were never measured: filled with a number far below all others, outside a scanner's circle for one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.reading.notes import ImageFile

LOWEST_HU = -1024.0  # what CT uses for air at the least
GAP = 0.25  # of the span of the other values, between them and the padding
SAMPLE = 500_000  # voxels that the span is estimated from
FILLED = 1e-3  # of the voxels, at least, have the number


def with_padding(file: ImageFile) -> ImageFile:
    """`file` with its padding, if DICOM has not said already where that is.

    The lowest value v is padding if

    - a corner of the grid and 0.1 % of the voxels have it,
    - it is no CT number (v < -1024), or the only negative number, and
    - the histogram has a gap above it: from v to the 5th percentile of the rest (mixtures with padding are few) it is
      at least a quarter of the span between the 5th and the 99th.

    So -3024 or -2000 in CT are padding, and air at -1024 is not. All voxels below the middle of the gap count, as
    those between padding and measurement are mixtures if the image was resampled once.
    """
    if file.padding is not None:
        return file
    values = geometry.array(file.image)
    limit = gap_below(values)
    if limit is None:
        return file
    marked = values < limit
    said = f"{file.path} has {marked.mean():.2%} of its voxels at {values.min():g}, far below all others"
    repairs = (*file.repairs, f"{said}: left out, as nothing was measured there.")
    return replace(file, repairs=repairs, padding=geometry.image(marked.astype(np.uint8), file.image))


def gap_below(values: np.ndarray) -> float | None:
    """The middle of the gap between padding and the rest; None if there is no padding."""
    corners = values[np.ix_(*((0, -1) for _ in values.shape))]
    lowest = float(values.min())
    if lowest >= 0 or lowest < corners.min():
        return None
    sample = values.ravel()
    if values.size > SAMPLE:  # at random: a fixed step may stay in one column
        sample = sample[np.random.default_rng(0).integers(0, values.size, SAMPLE)]
    rest = sample[sample > lowest]
    if rest.size == 0 or 1 - rest.size / sample.size < FILLED:
        return None
    low, high = np.percentile(rest, (5, 99))
    if not (lowest < LOWEST_HU or rest.min() >= 0) or low - lowest < GAP * (high - low):
        return None
    return float(lowest + low) / 2


def measured(padding: sitk.Image | None, mask: sitk.Image | None, path: str | Path) -> sitk.Image | None:
    """`mask` (None: everywhere) without the padding, uint8, on the grid of the padding if there is one."""
    if padding is None:
        return mask
    inside = geometry.array(padding) == 0
    if mask is not None:
        inside &= geometry.mask_on(padding, mask)
    if not inside.any():
        raise InputError(f"{path} has only padding inside its mask; give another mask.")
    return geometry.image(inside.astype(np.uint8), padding)

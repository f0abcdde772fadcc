"""Pairs whose transform is known."""

import numpy as np
import SimpleITK as sitk

from pair_helpers import image
from pairreg import geometry
from pairreg.pair.pair import Pair


def bumps(shape: tuple[int, ...]) -> np.ndarray:
    """Smooth blobs of different sizes."""
    draw = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1).astype(float)
    centres = draw.uniform(0, 1, (80, len(shape))) * shape
    widths = draw.uniform(0.08, 0.15, 80) * min(shape)
    found = sum(np.exp(-((grid - c) ** 2).sum(-1) / (2 * w**2)) for c, w in zip(centres, widths, strict=True))
    return np.asarray(found, np.float32)


def known(ndim: int) -> Pair:
    """A pair whose moving image is the fixed one, moved by a known field of up to two voxels (3-D: one)."""
    shape = (48, 44) if ndim == 2 else (26, 24, 22)
    fixed = image(shape[::-1])
    fixed.SetSpacing((1.5, 1.25, 2.0)[:ndim])
    fixed = geometry.image(bumps(shape), fixed)
    turn = np.stack(np.meshgrid(*[np.linspace(0, np.pi, n) for n in shape], indexing="ij"), -1)
    field = (2.0 if ndim == 2 else 1.0) * np.stack([np.prod(np.sin(turn), -1)] * ndim, -1)
    truth = geometry.total_displacement(field, fixed, geometry.identity(ndim))
    # The moving image is looked up where the inverse of the true map leads.
    back = sitk.InvertDisplacementField(sitk.Cast(truth, sitk.sitkVectorFloat64), maximumNumberOfIterations=50)
    moving = geometry.resample(fixed, fixed, sitk.DisplacementFieldTransform(back))
    return Pair(name="known", fixed=fixed, moving=moving, true_displacement=truth)

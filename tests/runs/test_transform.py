"""What the transform of a run makes of further images."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg import geometry, whole_transform
from pairreg.runs.read import Run
from pairreg.runs.transform import RunTransform


@pytest.mark.parametrize("ndim", [2, 3])
def test_mass_is_preserved_under_a_stretch(ndim: int, tmp_path: Path) -> None:
    """Fixed points map to moving ones at half their distance from the middle: a voxel there takes 1/2**ndim of one."""
    image = sitk.GetImageFromArray(np.full((9,) * ndim, 8, np.float32))
    image.SetSpacing((2.0, 1.0, 0.5)[:ndim])
    middle = image.TransformContinuousIndexToPhysicalPoint([4.0] * ndim)
    half = sitk.AffineTransform(ndim)
    half.SetCenter(middle)
    half.Scale(0.5)
    whole_transform.write(whole_transform.whole(np.zeros((*(9,) * ndim, ndim)), image, half), tmp_path / "transform.h5")
    transform = RunTransform(Run(tmp_path))
    assert transform.ndim == ndim
    plain = geometry.array(transform.warp(image, image, "linear"))
    np.testing.assert_allclose(plain, 8, rtol=1e-6)
    warped = transform.warp(image, image, "linear", mass_preserving=True)
    np.testing.assert_allclose(geometry.array(warped), 8 / 2**ndim, rtol=1e-4)
    assert warped.GetSpacing() == image.GetSpacing()

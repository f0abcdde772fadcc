"""A registration that begins at a transform from a file."""

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg import geometry
from pairreg.transform_files.learn2reg import values_of
from pairreg.transform_files.write import write_transform
from synthetic_warps import known


@pytest.mark.parametrize("format", ["learn2reg", "voxels", "fsl"])
def test_voxels_of_a_file_are_those_of_the_images_and_not_of_the_preprocessed_grid(format, tmp_path):
    pair = known(3)
    true = geometry.displacement_transform(pair.true_displacement)
    if format == "fsl":
        true = sitk.AffineTransform(3)
        true.SetMatrix((np.eye(3) + 0.05 * np.eye(3, k=1)).ravel().tolist())
        true.SetTranslation([1.5, -2.0, 0.5])
        path = tmp_path / "matrix.mat"
        write_transform(true, path, "fsl", pair.fixed, pair.moving)
    else:
        path = tmp_path / "field.npz"
        moving = pair.moving if format == "learn2reg" else pair.fixed
        np.savez(path, values_of(geometry.array(pair.true_displacement), pair.fixed, moving))
    start = pairreg.build("initialization/file", path=str(path), format=format)
    coarse = pairreg.build("preprocessing/minmax", spacing=[1.7 * step for step in pair.fixed.GetSpacing()])
    prepared = coarse(pair)
    found = start.start(prepared, pair).transform
    for index in np.random.default_rng(0).uniform(4, 14, (10, 3)).tolist():
        point = pair.fixed.TransformContinuousIndexToPhysicalPoint(index)
        np.testing.assert_allclose(found.TransformPoint(point), true.TransformPoint(point), atol=1e-3)
    result = pairreg.register(
        pair, initialization=start, preprocessing=coarse, preset="smoke", transform="displacement"
    )
    begun = pairreg.evaluate.under_transform(prepared, true)
    assert result.metrics["initial/ssim"] == pytest.approx(begun["ssim"], abs=1e-4)

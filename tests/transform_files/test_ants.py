"""Chains as for antsApplyTransforms: the first file takes a fixed point first; `scripts/check_ants` asks ANTs."""

import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import refused
from pairreg.transform_files.read import read_transform
from transform_helpers import at, grid, linear, points_in, smooth


@pytest.fixture(params=[2, 3])
def ndim(request) -> int:
    return request.param


@pytest.fixture
def files(tmp_path, ndim) -> list[str]:
    """The two files that antsRegistration leaves for `--output PREFIX`."""
    warp, affine = tmp_path / "out_1Warp.nii.gz", tmp_path / "out_0GenericAffine.mat"
    sitk.WriteImage(sitk.Cast(smooth(ndim).GetDisplacementField(), sitk.sitkVectorFloat32), str(warp))
    sitk.WriteTransform(linear(ndim), str(affine))
    return [str(warp), str(affine)]


def test_the_first_file_takes_a_point_first(files, ndim):
    fixed, points = grid(ndim, "fixed"), points_in(grid(ndim, "fixed"))
    expected = at(linear(ndim), at(smooth(ndim), points))
    for format in (None, "ants", "itk"):
        found = read_transform(files, fixed, grid(ndim, "moving"), format)
        np.testing.assert_allclose(at(found, points), expected, rtol=0, atol=1e-4)
    reverse = read_transform(files[::-1], fixed, None)
    start = points_in(grid(ndim, "fixed"), 1)
    np.testing.assert_allclose(at(reverse, start), at(smooth(ndim), at(linear(ndim), start)), rtol=0, atol=1e-4)


def test_a_prefix_stands_for_the_files_of_all_stages(files, ndim, tmp_path):
    fixed, points = grid(ndim, "fixed"), points_in(grid(ndim, "fixed"))
    found = read_transform(str(tmp_path / "out_"), fixed, None)
    expected = at(linear(ndim), at(smooth(ndim), points))
    np.testing.assert_allclose(at(found, points), expected, rtol=0, atol=1e-4)
    sitk.WriteImage(smooth(ndim).GetDisplacementField(), str(tmp_path / "out_1InverseWarp.nii.gz"))
    sitk.WriteTransform(linear(ndim), str(tmp_path / "out_2Rigid.mat"))
    shifted = points_in(fixed, 1)
    expected = at(linear(ndim), at(smooth(ndim), at(linear(ndim), shifted)))
    found = read_transform(str(tmp_path / "out_"), None, None)
    np.testing.assert_allclose(at(found, shifted), expected, rtol=0, atol=1e-4)


def test_a_prefix_whose_files_are_not_one_transform(files, ndim, tmp_path):
    prefix = str(tmp_path / "out_")
    (tmp_path / "out_0GenericAffine.mat").rename(tmp_path / "moved.mat")
    assert "0GenericAffine.mat" in refused(prefix, read_transform, prefix, None, None)
    for name in ("out_0Rigid.mat", "out_0Affine.mat"):
        sitk.WriteTransform(linear(ndim), str(tmp_path / name))
    assert "one stage" in refused(prefix, read_transform, prefix, None, None)
    refused("out", read_transform, str(tmp_path / "out"), None, None)
    refused("nowhere", read_transform, str(tmp_path / "nowhere" / "out_"), None, None)
    refused(tmp_path, read_transform, tmp_path, None, None)


def test_inverses(files, ndim, tmp_path):
    points = points_in(grid(ndim, "fixed"))
    back = read_transform([f"[{files[1]},1]"], None, None)
    np.testing.assert_allclose(at(back, at(linear(ndim), points)), points, rtol=0, atol=1e-9)
    there = read_transform([f"[{files[1]}, 0]"], None, None)
    np.testing.assert_allclose(at(there, points), at(linear(ndim), points), rtol=0, atol=1e-9)
    assert "InverseWarp" in refused(files[0], read_transform, f"[{files[0]},1]", None, None)
    spline = tmp_path / "spline.tfm"
    sitk.WriteTransform(sitk.BSplineTransformInitializer(grid(ndim, "fixed"), [4] * ndim), str(spline))
    refused(spline, read_transform, f"[{spline},1]", None, None)


def test_a_chain_with_a_missing_file(files):
    refused("2Warp", read_transform, [files[0].replace("1Warp", "2Warp"), files[1]], None, None)
    refused("no transform file", read_transform, [], None, None)

"""What is written is read back by us, and by SimpleITK and nibabel; what cannot be written leaves nothing."""

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import refused
from pairreg import geometry
from pairreg.transform_files.read import read_transform
from pairreg.transform_files.write import WRITTEN, write_transform
from transform_helpers import KINDS, at, grid, linear, points_in, truth, voxels_of

NESTED = {"nested": lambda ndim: sitk.CompositeTransform([truth(ndim), linear(ndim)])}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("kind", [*KINDS, *NESTED])
@pytest.mark.parametrize("ending", ["h5", "hdf5", "tfm", "txt"])
def test_itk_keeps_the_transform_itself(tmp_path, ndim, kind, ending, capfd):
    transform, fixed = (KINDS | NESTED)[kind](ndim), grid(ndim, "fixed")
    file, points = tmp_path / f"t.{ending}", points_in(grid(ndim, "fixed"))
    write_transform(transform, file, "itk", fixed, None)
    for found in (read_transform(file, fixed, None), sitk.ReadTransform(str(file))):
        np.testing.assert_allclose(at(found, points), at(transform, points), rtol=0, atol=1e-9)
    assert capfd.readouterr().err == ""
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("ending", ["nii.gz", "nii"])
def test_a_displacement_is_read_by_simpleitk(tmp_path, ndim, ending):
    transform, fixed = truth(ndim), grid(ndim, "fixed")
    file, (_, centres) = tmp_path / f"d.{ending}", voxels_of(fixed)
    write_transform(transform, file, "nifti", fixed, None)
    theirs = sitk.DisplacementFieldTransform(sitk.ReadImage(str(file), sitk.sitkVectorFloat64))
    assert nibabel.load(file).header["intent_code"] == 1007
    for found in (read_transform(file, fixed, None), theirs):
        np.testing.assert_allclose(at(found, centres), at(transform, centres), rtol=0, atol=1e-4)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", ["disp_0001_0002.nii.gz", "disp_0001_0002.npz", "any.nii"])
def test_learn2reg_is_an_array_by_its_formula(tmp_path, ndim, name):
    transform, fixed, moving = truth(ndim), grid(ndim, "fixed"), grid(ndim, "moving")
    file, (index, centres) = tmp_path / name, voxels_of(fixed)
    write_transform(transform, file, "learn2reg", fixed, moving)
    values = np.load(file)["arr_0"] if name.endswith("npz") else np.asarray(nibabel.load(file).dataobj)
    assert values.dtype == np.float32 and values.shape == (*fixed.GetSize(), ndim)
    goals = [moving.TransformPhysicalPointToContinuousIndex(p) for p in at(transform, centres).tolist()]
    np.testing.assert_allclose(values[tuple(index.T)], np.array(goals) - index, rtol=0, atol=1e-4)
    found = read_transform(file, fixed, moving, "learn2reg")
    np.testing.assert_allclose(at(found, centres), at(transform, centres), rtol=0, atol=1e-4)
    assert "moving" in refused(file, write_transform, transform, file, "learn2reg", fixed, None)


def test_nothing_is_left_where_nothing_can_be_written(tmp_path):
    transform, fixed = geometry.identity(2), grid(2, "fixed")
    for format, name in (("itk", "t.nii.gz"), ("nifti", "t.h5"), ("learn2reg", "t.tfm"), ("fsl", "t.nii.gz")):
        refused(name if format in WRITTEN else format, write_transform, transform, tmp_path / name, format, fixed, None)
    assert list(tmp_path.iterdir()) == []

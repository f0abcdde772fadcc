"""Transform files and vector images of ITK: written by SimpleITK, read as SimpleITK reads them; damaged, refused."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import refused
from pairreg import geometry
from pairreg.transform_files.read import read_transform
from transform_helpers import KINDS, at, grid, linear, points_in, smooth


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["tfm", "txt", "mat", "h5", "hdf5"])
def test_a_transform_file_is_read_as_by_simpleitk(tmp_path, ndim, kind, ending, capfd):
    if ending == "mat" and kind == "composite":
        pytest.skip("ITK has no composites in this format")
    file = tmp_path / f"t.{ending}"
    sitk.WriteTransform(KINDS[kind](ndim), str(file))
    capfd.readouterr()
    found = read_transform(file, grid(ndim, "fixed"), None)
    points = points_in(grid(ndim, "fixed"))
    np.testing.assert_allclose(at(found, points), at(KINDS[kind](ndim), points), rtol=0, atol=1e-4)
    assert kind == "identity" or abs(at(found, points) - points).max() > 0.5
    assert capfd.readouterr().err == ""


def test_files_of_single_precision_and_of_older_itk(tmp_path):
    """`_float_` in the type, as ANTs writes it, and the names of ITK 4, which lacked an s, in HDF5."""
    file, single, points = tmp_path / "a.tfm", tmp_path / "b.tfm", points_in(grid(3, "fixed"))
    sitk.WriteTransform(linear(3), str(file))
    single.write_text(file.read_text().replace("AffineTransform_double", "MatrixOffsetTransformBase_float"))
    np.testing.assert_allclose(at(read_transform(single, None, None), points), at(linear(3), points), atol=1e-4)
    old = tmp_path / "old.h5"
    sitk.WriteTransform(linear(3), str(old))
    with h5py.File(old, "a") as content:
        group = content["TransformGroup/0"]
        for name in ("Parameters", "FixedParameters"):
            group.move(f"Transform{name}", f"Tranform{name}")
    np.testing.assert_allclose(at(read_transform(old, None, None), points), at(linear(3), points), atol=1e-9)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("ending", ["nii.gz", "nii", "nrrd", "mha"])
def test_a_vector_image_is_a_field(tmp_path, ndim, ending):
    file = tmp_path / f"field.{ending}"
    sitk.WriteImage(sitk.Cast(smooth(ndim).GetDisplacementField(), sitk.sitkVectorFloat32), str(file))
    points = points_in(grid(ndim, "fixed"))
    for format in (None, "itk"):
        found = read_transform(file, grid(ndim, "fixed"), grid(ndim, "moving"), format)
        np.testing.assert_allclose(at(found, points), at(smooth(ndim), points), rtol=0, atol=1e-4)


@pytest.fixture
def whole(tmp_path) -> dict[str, Path]:
    """A sound file of each kind."""
    files = {ending: tmp_path / f"whole.{ending}" for ending in ("tfm", "mat", "h5")}
    for file in files.values():
        sitk.WriteTransform(smooth(2), str(file))
    return files


@pytest.mark.parametrize("ending", ["tfm", "mat", "h5"])
def test_a_file_that_is_cut_off_anywhere_is_refused(whole, ending, capfd):
    content = whole[ending].read_bytes()
    for length in np.linspace(0, len(content) - 40, 25).astype(int).tolist():
        whole[ending].write_bytes(content[:length])
        refused(whole[ending], read_transform, whole[ending], None, None)
    assert capfd.readouterr().err == ""


def test_sizes_that_do_not_fit_are_refused_before_itk_allocates_them(whole):
    text = whole["tfm"].read_text()
    whole["tfm"].write_text(text.replace("FixedParameters: 23 18", "FixedParameters: 230000 180000"))
    assert "230000×180000" in refused(whole["tfm"], read_transform, whole["tfm"], None, None)
    with h5py.File(whole["h5"], "a") as content:
        content["TransformGroup/0/TransformFixedParameters"][:2] = 2.0e9
    refused(whole["h5"], read_transform, whole["h5"], None, None)
    mat = bytearray(whole["mat"].read_bytes())
    mat[4:8] = (2**31 - 1).to_bytes(4, "little")
    whole["mat"].write_bytes(mat)
    refused(whole["mat"], read_transform, whole["mat"], None, None)


def test_numbers_that_are_none_are_refused(tmp_path):
    file = tmp_path / "nan.tfm"
    sitk.WriteTransform(linear(2), str(file))
    lines = file.read_text().splitlines()
    for value in ("nan", "inf", "1e999"):
        file.write_text("\n".join([*lines[:3], f"Parameters: 1 0 0 {value} 2 3", lines[4]]))
        assert "AffineTransform" in refused(file, read_transform, file, None, None)
    broken = geometry.array(smooth(3).GetDisplacementField())
    broken[3, 4, 5, 1] = np.nan
    for name in ("nan.nii.gz", "nan.nrrd", "nan.h5"):
        image = geometry.image(broken, grid(3, "fixed"), vector=True)
        field = tmp_path / name
        if name.endswith("h5"):
            sitk.WriteTransform(sitk.DisplacementFieldTransform(image), str(field))
        else:
            sitk.WriteImage(image, str(field))
        assert "NaN" in refused(field, read_transform, field, None, None)


def test_several_transforms_that_are_no_composite_are_refused(tmp_path):
    """SimpleITK takes the first of them and warns on stderr."""
    file = tmp_path / "two.tfm"
    sitk.WriteTransform(linear(2), str(file))
    file.write_text(file.read_text() + file.read_text().partition("\n")[2])
    assert "2 transforms" in refused(file, read_transform, file, None, None)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.tfm", b""),
        ("type.tfm", b"#Insight Transform File V1.0\n#Transform 0\nTransform: No_double_3_3\nParameters: 1\n"),
        ("axes.tfm", b"#Insight Transform File V1.0\nTransform: AffineTransform_double_4_4\nParameters: 1\n"),
        ("few.tfm", b"#Insight Transform File V1.0\nTransform: AffineTransform_double_3_3\nParameters: 1 2\n"),
        ("none.tfm", b"#Insight Transform File V1.0\n"),
        ("words.tfm", b"#Insight Transform File V1.0\nTransform: AffineTransform_double_3_3\nParameters: a b\n"),
        ("matlab5.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(500)),
        ("flirt.mat", b"1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"),
    ],
)
def test_what_is_no_transform_of_itk_is_refused(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    refused(file, read_transform, file, None, None, "itk")


def test_an_hdf5_file_of_something_else_is_refused(tmp_path):
    file = tmp_path / "cases.h5"
    with h5py.File(file, "w") as content:
        content["fixed"] = np.zeros(3)
    refused(file, read_transform, file, None, None)


def test_a_missing_file_and_one_of_another_name(tmp_path):
    refused("none.h5", read_transform, tmp_path / "none.h5", None, None)
    file, other = tmp_path / "a.h5", tmp_path / "a.dat"
    sitk.WriteTransform(linear(2), str(file))
    shutil.copy(file, other)
    refused("format", read_transform, file, None, None, "slicer")

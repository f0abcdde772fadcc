"""Displacement fields by their conventions, each written here by its formula; SimpleITK reads some of them, too."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import refused
from pairreg import geometry
from pairreg.transform_files.read import read_transform
from transform_helpers import at, grid, points_in, smooth, truth, voxels_of


def ras_matrix(image: sitk.Image) -> np.ndarray:
    n, found = image.GetDimension(), np.eye(4)
    found[:n, :n] = np.reshape(image.GetDirection(), (n, n)) * image.GetSpacing()
    found[:n, 3] = image.GetOrigin()
    return np.diag([-1, -1, 1, 1]) @ found


def save(path: Path, values: np.ndarray, like: sitk.Image, code: int, name: str = "", number: float = 0) -> Path:
    """Values `(X, Y[, Z], …)` with an intent, as float32."""
    file = nibabel.Nifti1Image(values.astype(np.float32), ras_matrix(like))
    file.header.set_intent("none" if code == 0 else code, (), name, allow_unknown=True)
    file.header["intent_p1"] = number
    nibabel.save(file, path)
    return path


def each_voxel(ndim: int, transform: sitk.Transform | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The points of the voxels `(X, Y[, Z], ndim)` of the fixed image, and where they are led to, LPS mm."""
    fixed, transform = grid(ndim, "fixed"), transform or truth(ndim)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in fixed.GetSize()], indexing="ij"), -1).reshape(-1, ndim)
    start = np.array([fixed.TransformIndexToPhysicalPoint(i) for i in index.tolist()])
    shape = (*fixed.GetSize(), ndim)
    return start.reshape(shape), at(transform, start).reshape(shape)


def vectors(values: np.ndarray) -> np.ndarray:
    """With the five axes that the standard wants for vectors."""
    return values.reshape(*(*values.shape[:-1], 1, 1)[:4], values.shape[-1])


def agrees(found: sitk.Transform, ndim: int) -> None:
    points = points_in(grid(ndim, "fixed"))
    np.testing.assert_allclose(at(found, points), at(displaced(ndim), points), rtol=0, atol=1e-4)
    assert abs(at(found, points) - points).max() > 1


def displaced(ndim: int) -> sitk.Transform:
    """The truth at the voxels of the fixed image, linearly interpolated: what a field can hold of it."""
    fixed = grid(ndim, "fixed")
    start, end = each_voxel(ndim)
    order = (*range(ndim - 1, -1, -1), ndim)
    return geometry.displacement_transform(geometry.image((end - start).transpose(order), fixed, vector=True))


RAS = np.array([-1.0, -1.0, 1.0])
CONVENTIONS = {  # intent, its name and number, whether RAS and whether positions
    "slicer": (1006, "", 0, True, False),
    "itk": (1007, "", 0, False, False),
    "niftyreg displacement": (1007, "NREG_TRANS", 1, True, False),
    "niftyreg deformation": (1007, "NREG_TRANS", 0, True, True),
    "spm": (1007, "Mapping", 0, True, True),
}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("kind", CONVENTIONS)
def test_the_intent_says_what_the_numbers_are(tmp_path, ndim, kind):
    code, name, number, ras, positions = CONVENTIONS[kind]
    start, end = each_voxel(ndim)
    values = (end if positions else end - start) * (RAS[:ndim] if ras else 1)
    file = save(tmp_path / "field.nii.gz", vectors(values), grid(ndim, "fixed"), code, name, number)
    for format in (None, "nifti"):
        agrees(read_transform(file, grid(ndim, "fixed"), grid(ndim, "moving"), format), ndim)


@pytest.mark.parametrize("code", [1006, 1007])
def test_itk_reads_both_intents_as_we_do(tmp_path, code):
    start, end = each_voxel(3)
    values = (end - start) * (RAS if code == 1006 else 1)
    file = save(tmp_path / "field.nii.gz", vectors(values), grid(3, "fixed"), code)
    theirs = sitk.DisplacementFieldTransform(sitk.ReadImage(str(file), sitk.sitkVectorFloat64))
    points = points_in(grid(3, "fixed"))
    ours = read_transform(file, grid(3, "fixed"), None)
    np.testing.assert_allclose(at(ours, points), at(theirs, points), rtol=0, atol=1e-4)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("five", [False, True])
def test_a_named_convention_counts_whatever_the_intent_is(tmp_path, ndim, five):
    start, end = each_voxel(ndim)
    values = (end - start) * RAS[:ndim]
    file = save(tmp_path / "field.nii", vectors(values) if five else values, grid(ndim, "fixed"), 0)
    agrees(read_transform(file, grid(ndim, "fixed"), None, "ras"), ndim)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("ending", ["nii.gz", "npz", "npy"])
def test_voxels_of_the_fixed_image(tmp_path, ndim, ending):
    """T(i) is the point of the fixed image at the index i + u(i)."""
    fixed = grid(ndim, "fixed")
    _, end = each_voxel(ndim)
    target = [fixed.TransformPhysicalPointToContinuousIndex(p) for p in end.reshape(-1, ndim).tolist()]
    index = np.stack(np.meshgrid(*[np.arange(n) for n in fixed.GetSize()], indexing="ij"), -1)
    values = np.reshape(target, end.shape) - index
    agrees(read_transform(array_file(tmp_path / f"u.{ending}", values), fixed, None, "voxels"), ndim)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", ["disp_0001_0002.nii.gz", "disp_0001_0002.npz", "any.npy"])
def test_learn2reg(tmp_path, ndim, name):
    """disp[i] = moving.TransformPhysicalPointToContinuousIndex(T(fixed point of i)) - i; the header says nothing."""
    fixed, moving = grid(ndim, "fixed"), grid(ndim, "moving")
    _, end = each_voxel(ndim)
    target = [moving.TransformPhysicalPointToContinuousIndex(p) for p in end.reshape(-1, ndim).tolist()]
    index = np.stack(np.meshgrid(*[np.arange(n) for n in fixed.GetSize()], indexing="ij"), -1)
    file = array_file(tmp_path / name, np.reshape(target, end.shape) - index)
    agrees(read_transform(file, fixed, moving, "learn2reg"), ndim)
    if name.startswith("disp_"):
        agrees(read_transform(file, fixed, moving), ndim)
    for images, word in (((None, moving), "fixed"), ((fixed, None), "moving")):
        assert f"without the {word} image" in refused(file, read_transform, file, *images, "learn2reg")


def array_file(path: Path, values: np.ndarray) -> Path:
    if path.name.endswith("npz"):
        np.savez_compressed(path, values.astype(np.float32))
    elif path.name.endswith("npy"):
        np.save(path, values.astype(np.float32))
    else:
        nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), np.diag([3.0, 2.0, 1.0, 1.0])), path)
    return path


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("mirrored", [(False, False), (True, True), (False, True), (True, False)])
def test_fsl(tmp_path, absolute, mirrored):
    """Scaled indices, the first axis counted from its end where the matrix of the image has a positive determinant."""
    fixed, moving = grid(3, "fixed", mirrored[0]), sitk.Image(grid(3, "moving"))
    turn = np.reshape(sitk.Euler3DTransform((0, 0, 0), 0.1, -0.2, 0.1).GetMatrix(), (3, 3))
    side = np.diag([1 if mirrored[0] == mirrored[1] else -1, 1, 1])
    moving.SetDirection((turn @ np.reshape(fixed.GetDirection(), (3, 3)) @ side).ravel().tolist())
    moving.SetOrigin(geometry.centred_origin(moving, fixed))
    shift = sitk.AffineTransform(3)
    shift.SetTranslation([2.0, -3.0, 1.5])
    shift.Scale((1.05, 0.95, 1.0))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in fixed.GetSize()], indexing="ij"), -1)
    lps = np.diag([-1, -1, 1, 1]) @ ras_matrix(fixed)
    end = at(shift, index.reshape(-1, 3) @ lps[:3, :3].T + lps[:3, 3])
    target = np.array([moving.TransformPhysicalPointToContinuousIndex(p) for p in end.tolist()])
    start, goal = (scaled(i.reshape(-1, 3), image) for i, image in ((index, fixed), (target, moving)))
    values = (goal if absolute else goal - start).reshape(index.shape)
    file = save(tmp_path / "warp.nii.gz", values, fixed, 2006)
    points = points_in(fixed)
    for format in (None, "fsl"):
        found = read_transform(file, fixed, moving, format)
        np.testing.assert_allclose(at(found, points), at(shift, points), rtol=0, atol=1e-3)
    assert "moving" in refused(file, read_transform, file, fixed, None)


def scaled(index: np.ndarray, image: sitk.Image) -> np.ndarray:
    x = index.astype(float)
    if np.linalg.det(ras_matrix(image)) > 0:
        x[:, 0] = image.GetSize()[0] - 1 - x[:, 0]
    return x * image.GetSpacing()


def test_coefficients_of_fnirt_are_refused(tmp_path):
    file = save(tmp_path / "coef.nii.gz", np.ones((5, 6, 7, 3)), grid(3, "fixed"), 2007)
    assert "fnirtfileutils" in refused(file, read_transform, file, grid(3, "fixed"), grid(3, "moving"))


def test_what_is_not_certain_is_asked_for(tmp_path):
    """A field of no intent, a series of three images, an array: the candidates are named."""
    start, end = each_voxel(3)
    for name, values in (("four.nii.gz", end - start), ("five.nii.gz", vectors(end - start))):
        file = save(tmp_path / name, values, grid(3, "fixed"), 0)
        message = refused(file, read_transform, file, grid(3, "fixed"), grid(3, "moving"))
        assert all(word in message for word in ("itk", "ras", "fsl", "voxels", "learn2reg"))
    file = array_file(tmp_path / "u.npz", end - start)
    assert "learn2reg" in refused(file, read_transform, file, grid(3, "fixed"), grid(3, "moving"))


def test_images_that_are_no_fields(tmp_path):
    """A scalar image, a time series, vectors of another length: none of them is taken for a displacement."""
    rng = np.random.default_rng(0)
    cases = {
        "scalar.nii.gz": (rng.random((6, 7, 8)), 0),
        "series.nii.gz": (rng.random((6, 7, 8, 20)), 0),
        "series_1007.nii.gz": (rng.random((6, 7, 8, 20)), 1007),
        "four_axes.nii.gz": (rng.random((6, 7, 8, 3)), 1007),
        "tensors.nii.gz": (rng.random((6, 7, 8, 1, 6)), 1007),
        "planar.nii.gz": (rng.random((6, 7, 8, 1, 2)), 1007),
        "splines.nii.gz": (rng.random((6, 7, 8, 1, 3)), 1007),
    }
    for name, (values, code) in cases.items():
        splines = name.startswith("splines")
        file = save(tmp_path / name, values, grid(3, "fixed"), code, "NREG_TRANS" * splines, 2 * splines)
        refused(file, read_transform, file, grid(3, "fixed"), grid(3, "moving"))
        if not splines:
            refused(file, read_transform, file, grid(3, "fixed"), grid(3, "moving"), "itk")
    scalar = tmp_path / "scalar.nrrd"
    sitk.WriteImage(grid(3, "fixed"), str(scalar))
    refused(scalar, read_transform, scalar, None, None)


def test_arrays_that_are_no_fields(tmp_path):
    two, words = tmp_path / "disp_0001_0002.npz", tmp_path / "disp_0003_0004.npz"
    np.savez(two, a=np.zeros(3), b=np.zeros(3))
    np.savez(words, np.array(["a", "b"]))
    damaged = tmp_path / "disp_0005_0006.npz"
    damaged.write_bytes(two.read_bytes()[:60])
    for file in (two, words, damaged):
        refused(file, read_transform, file, grid(3, "fixed"), grid(3, "moving"))


@pytest.mark.parametrize("format", ["learn2reg", "voxels"])
def test_a_field_in_voxels_has_the_size_of_the_fixed_image(tmp_path, format):
    file = array_file(tmp_path / "u.npz", np.zeros((5, 6, 7, 3)))
    message = refused(file, read_transform, file, grid(3, "fixed"), grid(3, "moving"), format)
    assert "5×6×7" in message and "23×18×12" in message


def test_a_field_that_does_not_cover_the_fixed_image_is_refused(tmp_path):
    file = tmp_path / "field.nii.gz"
    field = smooth(3).GetDisplacementField()
    sitk.WriteImage(field[2:, :, :], str(file))
    message = refused(file, read_transform, file, grid(3, "fixed"), grid(3, "moving"))
    assert "2.25 mm beyond" in message  # two voxels of 1.5 mm, of which the first lies half within
    read_transform(file, None, None)
    sitk.WriteImage(field, str(file))
    read_transform(file, grid(3, "fixed")[2:, 1:, :4], grid(3, "moving"))


def test_the_dimensions_have_to_agree(tmp_path):
    two, three = tmp_path / "two.h5", tmp_path / "three.nii.gz"
    sitk.WriteTransform(truth(2), str(two))
    sitk.WriteImage(smooth(3).GetDisplacementField(), str(three))
    assert "2-D" in refused(two, read_transform, two, grid(3, "fixed"), None)
    assert "3-D" in refused(three, read_transform, [three, two], None, None)
    assert "moving" in refused(two, read_transform, two, None, grid(3, "moving"))


def test_an_index_goes_where_its_vector_says(tmp_path):
    """One voxel with a displacement of its own: axes are not exchanged."""
    fixed, moving = grid(3, "fixed"), grid(3, "moving")
    index, centres = voxels_of(fixed)
    values = np.random.default_rng(0).normal(size=(*fixed.GetSize(), 3))
    found = read_transform(array_file(tmp_path / "disp_0001_0002.npz", values), fixed, moving)
    ends = [moving.TransformContinuousIndexToPhysicalPoint((i + values[tuple(i)]).tolist()) for i in index]
    np.testing.assert_allclose(at(found, centres), ends, rtol=0, atol=1e-4)

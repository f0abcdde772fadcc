"""Left stays left: any grid through any format, the transform of a run, and back, against nibabel and SimpleITK."""

import tempfile
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from dicom_helpers import write_series
from pairreg import geometry, whole_transform
from pairreg.pair.files import load_pair
from pairreg.pair.hdf5 import load_case, write_pair, writing
from pairreg.reading.any_format import read

FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha")
LETTERS = [a + b + c for a in "LR" for b in "PA" for c in "SI"]
ORDERS = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
SIZE = (6, 5, 4)


def rotation(angles: tuple[float, ...]) -> np.ndarray:
    """A rotation in 3-D by three whole degrees, or in 2-D by one."""
    found = np.eye(len(angles) if len(angles) == 3 else 2)
    for (a, b), angle in zip([(0, 1), (1, 2), (0, 2)], np.radians(angles), strict=False):
        turn = np.eye(len(found))
        turn[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        found = found @ turn
    return found


@st.composite
def grids(draw: st.DrawFn, ndim: int) -> sitk.Image:
    """Random values on a grid of any axis order, flips, rotation, spacing and origin."""
    size = SIZE[:ndim]
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(-500, 500, size[::-1]).astype(np.int16))
    image.SetSpacing([draw(st.integers(20, 400)) / 100 for _ in size])
    image.SetOrigin([draw(st.integers(-5000, 5000)) / 10 for _ in size])
    angles = [draw(st.integers(-180, 180)) for _ in range(3 if ndim == 3 else 1)]
    order = draw(st.permutations(range(ndim)))
    flips = [draw(st.sampled_from((1.0, -1.0))) for _ in size]
    direction = rotation(tuple(angles))[:, order] * flips
    image.SetDirection(direction.ravel().tolist())
    return image


def same(first: sitk.Image, second: sitk.Image) -> None:
    """Equal values at equal places: the corners agree to a thousandth of a voxel."""
    np.testing.assert_array_equal(geometry.array(first), geometry.array(second))
    corners = np.array(np.meshgrid(*((0.0, n - 1.0) for n in first.GetSize()))).reshape(first.GetDimension(), -1).T
    places = [
        np.array([image.TransformContinuousIndexToPhysicalPoint(c) for c in corners.tolist()])
        for image in (first, second)
    ]
    assert np.abs(places[0] - places[1]).max() < 1e-3 * min(first.GetSpacing())


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("ndim", [2, 3])
@given(st.data())
def test_any_grid_comes_back(ndim: int, ending: str, data: st.DataObject) -> None:
    image = data.draw(grids(ndim))
    if ndim == 2 and "nii" in ending and np.linalg.det(np.reshape(image.GetDirection(), (2, 2))) < 0:
        return  # NIfTI keeps a plane in space, where its back is another side: ITK does not write it
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        sitk.WriteImage(image, str(path))
        same(read(path).image, image)


@given(st.data())
def test_a_volume_lies_where_nibabel_has_it(data: st.DataObject) -> None:
    image = data.draw(grids(3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nii"
        sitk.WriteImage(image, str(path))
        ours, theirs = read(path).image, nib.load(path)
        for index in ((0, 0, 0), (5, 0, 0), (0, 4, 0), (0, 0, 3)):
            ras = (theirs.affine @ (*index, 1))[:3]
            np.testing.assert_allclose(
                ours.TransformIndexToPhysicalPoint(index), ras * (-1, -1, 1), atol=2e-3 * max(image.GetSpacing())
            )
            assert ours[index] == int(np.asarray(theirs.dataobj)[index])


@pytest.mark.parametrize("letters", LETTERS)
@pytest.mark.parametrize("order", ORDERS)
def test_left_never_becomes_right(tmp_path: Path, letters: str, order: tuple[int, ...]) -> None:
    """A mark on the left, one in front and one on top, stored in all 48 ways, in every format that can."""
    values = np.zeros((8, 9, 10), np.int16)  # z, y, x in LPS
    values[4, 4, 8], values[4, 1, 5], values[7, 4, 5] = 100, 200, 300
    straight = sitk.GetImageFromArray(values)
    straight.SetSpacing((1.0, 1.5, 2.0))
    expected = {value: straight.TransformIndexToPhysicalPoint((x, y, z)) for value, (x, y, z) in
                {100: (8, 4, 4), 200: (5, 1, 4), 300: (5, 4, 7)}.items()}  # fmt: skip
    stored = sitk.DICOMOrient(straight, "".join(letters[axis] for axis in order))
    for ending in (*FORMATS, ".h5"):
        path = tmp_path / f"a{ending}"
        if ending == ".h5":
            with writing(path) as file:
                sitk.WriteImage(stored, str(tmp_path / "b.nrrd"))
                write_pair(file.create_group("a"), load_pair(tmp_path / "b.nrrd", tmp_path / "b.nrrd"))
            image = load_case(path).moving
        else:
            sitk.WriteImage(stored, str(path))
            image = read(path).image
        for value, place in expected.items():
            (index,) = np.argwhere(geometry.array(image) == value)
            found = image.TransformIndexToPhysicalPoint(index[::-1].tolist())
            np.testing.assert_allclose(found, place, atol=1e-4, err_msg=ending)


def test_the_slices_of_a_series_lie_where_they_say(tmp_path: Path) -> None:
    """Sagittal slices, written from right to left: rows go to the feet, columns to the back."""
    pixels = np.zeros((7, 5, 6), np.int16)
    pixels[5, 1, 2] = 700
    positions = np.array([(30.0 - 4.0 * i, -8.0, 60.0) for i in range(7)])
    write_series(tmp_path / "s", pixels, positions, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    image = read(tmp_path / "s").image
    (index,) = np.argwhere(geometry.array(image) == 700)
    place = image.TransformIndexToPhysicalPoint(index[::-1].tolist())
    np.testing.assert_allclose(place, (30.0 - 4.0 * 5, -8.0 + 2 * 0.5, 60.0 - 1 * 0.8), atol=1e-6)


@pytest.mark.parametrize("ndim", [2, 3])
@given(st.data())
def test_the_field_of_nothing_is_the_initialisation(ndim: int, data: st.DataObject) -> None:
    """On any grid, the transform of a zero field is the initial transform everywhere, also from its file."""
    image = data.draw(grids(ndim))
    initial = sitk.AffineTransform(ndim)
    initial.SetMatrix((rotation((10.0,) * (3 if ndim == 3 else 1)) * 1.1).ravel().tolist())
    initial.SetTranslation([3.0, -2.0, 5.0][:ndim])
    field = np.zeros((*image.GetSize()[::-1], ndim), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transform.h5"
        whole_transform.write(whole_transform.whole(field, image, initial), path)
        whole = sitk.ReadTransform(str(path))
    for index in ([0.0] * ndim, [2.3] * ndim, [-40.0] * ndim):
        point = image.TransformContinuousIndexToPhysicalPoint(index)
        np.testing.assert_allclose(whole.TransformPoint(point), initial.TransformPoint(point), atol=1e-6)


def test_a_case_keeps_the_grid_of_its_files(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32))
    image.SetDirection(rotation((20.0, -35.0, 70.0)).ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    with writing(tmp_path / "c.h5") as file:
        write_pair(file.create_group("a"), load_pair(tmp_path / "a.nrrd", tmp_path / "a.nrrd"))
    same(load_case(tmp_path / "c.h5", "a").fixed, image)
    with h5py.File(tmp_path / "c.h5") as file:
        assert set(file["a"]) == {"fixed", "moving"}

import locale
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import image, refused, same_space, written
from pairreg.reading.any_format import read


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "nrrd", "mha", "mhd"])
@pytest.mark.parametrize("size", [(9, 8), (9, 8, 7)])
def test_round_trip_keeps_intensities_and_space(tmp_path: Path, ending: str, size: tuple[int, ...]) -> None:
    original = image(size)
    found = read(written(tmp_path / f"a.{ending}", original)).image
    same_space(found, original)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(original))


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_2d_formats(tmp_path: Path, ending: str) -> None:
    original = sitk.GetImageFromArray(np.arange(56, dtype=np.uint8).reshape(7, 8))
    found = read(written(tmp_path / f"a.{ending}", original)).image
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(original))


def test_colour_becomes_luminance(tmp_path: Path) -> None:
    for components in (3, 4):
        colour = np.zeros((6, 5, components), np.uint8)
        colour[...] = [10, 20, 200, 77][:components]
        found = read(written(tmp_path / "c.png", sitk.GetImageFromArray(colour, isVector=True))).image
        np.testing.assert_allclose(sitk.GetArrayFromImage(found), 0.299 * 10 + 0.587 * 20 + 0.114 * 200, rtol=1e-6)


@pytest.mark.parametrize(("axis", "kept"), [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])])
def test_one_slice_becomes_2d(tmp_path: Path, axis: int, kept: list[int]) -> None:
    volume = image((9, 8, 7))
    volume.SetDirection(np.eye(3).ravel().tolist())
    cut = [slice(None)] * 3
    cut[axis] = slice(3, 4)
    found = read(written(tmp_path / "s.mha", volume[tuple(cut)])).image
    assert found.GetSpacing() == tuple(volume.GetSpacing()[a] for a in kept)
    assert found.GetOrigin() == pytest.approx([volume.GetOrigin()[a] for a in kept])
    assert found.GetDirection() == (1.0, 0.0, 0.0, 1.0)
    expected = np.take(sitk.GetArrayFromImage(volume), 3, axis=2 - axis)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), expected)


def test_oblique_slices_keep_distances_and_their_offset(tmp_path: Path) -> None:
    volume, angle = image((9, 8, 1)), 0.4
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    volume.SetDirection(tilt.ravel().tolist())
    shifted = sitk.Image(volume)
    shifted.SetOrigin(volume.TransformContinuousIndexToPhysicalPoint((2.0, 3.0, 0.0)))
    a, b = (read(written(tmp_path / f"{i}.mha", v)).image for i, v in enumerate((volume, shifted)))
    assert a.GetDirection() == pytest.approx((1, 0, 0, 1))
    assert a.TransformPhysicalPointToContinuousIndex(b.GetOrigin()) == pytest.approx((2.0, 3.0))


def test_one_time_point_of_a_series(tmp_path: Path) -> None:
    assert read(written(tmp_path / "t.nii", sitk.Image([5, 6, 7, 1], sitk.sitkFloat32))).image.GetSize() == (5, 6, 7)
    path = written(tmp_path / "t.nii", sitk.Image([5, 6, 7, 2], sitk.sitkFloat32))
    assert "5×6×7×2" in refused(path, read, path)


def test_missing_file(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "no.nii", read, tmp_path / "no.nii")


@pytest.mark.parametrize("name", ["a.nii.gz", "a.txt", "a.dcm", "a.png", "a.nrrd", "a.mha"])
def test_unreadable_file(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_text("no image")
    assert "cannot be read" in refused(tmp_path / name, read, tmp_path / name)
    assert not capfd.readouterr().err


def test_several_components(tmp_path: Path) -> None:
    path = written(tmp_path / "v.nii.gz", sitk.Image([5, 5, 5], sitk.sitkVectorFloat32, 3))
    assert "3 components" in refused(path, read, path)


def series(folder: Path, names: list[str], positions: list[float], uid: str = "1.2.3", first: int = 0) -> sitk.Image:
    """A DICOM series of oblique slices written by SimpleITK, slice `i` in the file `names[i]`."""
    folder.mkdir(exist_ok=True)
    volume = image((6, 5, len(names)))
    directions = volume.GetDirection()
    orientation = [directions[i] for i in (0, 3, 6, 1, 4, 7)]
    for i, (name, z) in enumerate(zip(names, positions, strict=True)):
        cut = volume[:, :, i]
        tags = {
            "0008|0060": "CT",
            "0020|000d": "1.2",
            "0020|000e": uid,
            "0008|0018": f"{uid}.{i + 1}",
            "0020|0013": str(first + i),
            "0020|0032": "\\".join(map(str, (*volume.GetOrigin()[:2], z))),
            "0020|0037": "\\".join(map(str, orientation)),
        }
        for tag, value in tags.items():
            cut.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / name))
        writer.Execute(cut)
    locale.setlocale(locale.LC_CTYPE, "")  # writing DICOM leaves the process in the C locale: no UTF-8
    return volume


def test_dicom_series_is_sorted_by_position(tmp_path: Path) -> None:
    original = series(tmp_path / "s", ["c.dcm", "a.dcm", "d.dcm", "b.dcm"], [100.0, 103.0, 106.0, 109.0])
    found = read(tmp_path / "s").image
    same_space(found, original)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(original))


def test_dicom_folder_without_or_with_two_series(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "without a DICOM series" in refused(tmp_path / "empty", read, tmp_path / "empty")
    series(tmp_path / "two", ["a.dcm", "b.dcm"], [0.0, 3.0], "1.2.3")
    series(tmp_path / "two", ["c.dcm", "d.dcm"], [0.0, 3.0], "1.2.4")
    message = refused(tmp_path / "two", read, tmp_path / "two")
    assert "1.2.3" in message and "1.2.4" in message


def test_dicom_series_with_a_missing_slice(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    series(tmp_path / "gap", ["a.dcm", "b.dcm", "c.dcm", "d.dcm"], [0.0, 3.0, 9.0, 12.0])
    assert "3 to 6 mm" in refused(tmp_path / "gap", read, tmp_path / "gap")
    assert not capfd.readouterr().err


def test_real_dicom_series() -> None:
    from pair_helpers import SHARED

    folder = SHARED / "dicom_ct_slab"
    if not folder.is_dir():
        pytest.skip("shared data are absent")
    found = read(folder).image
    assert found.GetSize() == (512, 512, 20) and found.GetSpacing() == pytest.approx((0.78125, 0.78125, 1.0))
    names = sorted(name for name in os.listdir(folder) if name.endswith(".dcm"))
    slices = [sitk.ReadImage(str(folder / name)) for name in names]
    slices.sort(key=lambda one: one.GetOrigin()[2])
    assert slices[0].GetOrigin() == pytest.approx(found.GetOrigin())
    expected = np.concatenate([sitk.GetArrayFromImage(one) for one in slices])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), expected)

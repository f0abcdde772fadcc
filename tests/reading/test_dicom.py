"""DICOM by pydicom: the same intensities at the same places, or a refusal that names files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.config import disable_value_validation

from dicom_helpers import (
    AXIAL,
    COLUMNS,
    ROWS,
    dataset,
    item,
    pydicom_volume,
    stack,
    write_dose,
    write_frames,
    write_series,
)
from pair_helpers import refused
from pairreg.reading.any_format import read
from pairreg.reading.roles import read_label_map

ORIGIN = np.array([-10.0, -20.0, 0.0])


def along(direction: tuple[float, ...], gaps: list[float]) -> np.ndarray:
    return ORIGIN + np.outer(np.cumsum([0, *gaps]), direction)


def voxels(path: Path, series: str | None = None) -> np.ndarray:
    found: np.ndarray = sitk.GetArrayFromImage(read(path, series).image)
    return found


@pytest.mark.parametrize("name", ["{:03d}.dcm", "IM{:04d}", "1.2.840.{}", "{}.ima", "i{}.DCM"])
def test_a_series_under_any_names_among_other_files(tmp_path: Path, name: str) -> None:
    paths = write_series(tmp_path / "s", stack(), name=name)
    for stray in (".DS_Store", "notes.txt", "Thumbs.db", "report.pdf"):
        (tmp_path / "s" / stray).write_text("no image")
    found = read(tmp_path / "s").image
    assert found.GetSpacing() == pytest.approx((0.5, 0.8, 3.0)) and found.GetOrigin() == pytest.approx(ORIGIN)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), pydicom_volume(paths))


def test_names_and_numbers_do_not_order_slices(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(7)
    write_series(tmp_path / "s", stack()[order], along((0, 0, 1), [3.0] * 6)[order])
    np.testing.assert_array_equal(voxels(tmp_path / "s"), stack())


IMAGES = """CT MR EnhancedCT EnhancedMR LegacyConvertedEnhancedCT PositronEmissionTomography EnhancedPET NuclearMedicine
Ultrasound SecondaryCapture ComputedRadiography XRayAngiographic XRay3DAngiographic BreastTomosynthesis RT
OphthalmicTomography""".split()


@pytest.mark.parametrize("kind", [*(f"{name}ImageStorage" for name in IMAGES), "RTDoseStorage", "SegmentationStorage"])
def test_where_slices_lie_does_not_depend_on_the_class_of_their_files(tmp_path: Path, kind: str) -> None:
    """GDCM leaves the origin at 0 and the spacing at 1 for some classes, and takes other keys for radiographs."""
    row, column = np.array([0.8, 0.6, 0.0]), np.array([0.0, 0.0, -1.0])
    places = ORIGIN + np.outer(3.0 * np.arange(7), np.cross(row, column))
    header = {"SOPClassUID": getattr(pydicom.uid, kind), "ImagerPixelSpacing": [2.0, 2.5], "RescaleSlope": 0.5}
    paths = write_series(tmp_path / "s", stack(), places, ImageOrientationPatient=[*row, *column], **header)
    found = read(tmp_path / "s").image
    assert found.GetSpacing() == pytest.approx((0.5, 0.8, 3.0)) and found.GetOrigin() == pytest.approx(ORIGIN)
    directions = np.reshape(found.GetDirection(), (3, 3)).T
    np.testing.assert_allclose(directions, [row, column, np.cross(row, column)], atol=1e-9)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), pydicom_volume(paths))
    assert read(paths[0]).image.GetSpacing() == pytest.approx((0.5, 0.8))


@pytest.mark.parametrize("key", ["PixelSpacing", "ImagerPixelSpacing", "ImagePlanePixelSpacing"])
def test_the_size_of_pixels_under_each_of_its_names(tmp_path: Path, key: str) -> None:
    path = write_series(tmp_path / "s", stack())[0]
    one = pydicom.dcmread(path)
    del one.PixelSpacing
    setattr(one, key, [1.25, 0.75])
    one.save_as(path)
    assert read(path).image.GetSpacing() == pytest.approx((0.75, 1.25))


SLOPES = [[1.0] + [0.37] * 6, [0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16], [2.0] * 7, [1, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize("intercept", [0.0, -1024.0, 0.25])
def test_every_slice_has_its_own_slope(tmp_path: Path, slopes: list[float], intercept: float) -> None:
    each = [{"RescaleSlope": slope, "RescaleIntercept": intercept} for slope in slopes]
    paths = write_series(tmp_path / "s", stack().astype(np.uint16), each=each)
    np.testing.assert_allclose(voxels(tmp_path / "s"), pydicom_volume(paths), rtol=1e-12)


@pytest.mark.parametrize("kind, bits", [("u2", 12), ("u2", 16), ("i2", 16)])
@pytest.mark.parametrize("slope, intercept", [(1, 0), (1, -1024), (2.5, -7.25), (-1, 0)])
@pytest.mark.parametrize("inverted", [range(7), (2, 3)])
def test_monochrome1_is_about_how_values_are_shown(
    tmp_path: Path, kind: str, bits: int, slope: float, intercept: float, inverted: Sequence[int]
) -> None:
    """PS3.3 C.7.6.3.1.2: values, rescaling and padding are those of MONOCHROME2; ITK inverts stored values."""
    pixels = stack().astype(kind)
    pixels[:, 0, :2] = 4000
    header = {"BitsStored": bits, "HighBit": bits - 1, "PixelPaddingValue": 4000}
    scaling = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    each = [{"PhotometricInterpretation": "MONOCHROME1"} if i in inverted else {} for i in range(7)]
    paths = write_series(tmp_path / "s", pixels, each=each, **header, **scaling)
    found = read(tmp_path / "s")
    np.testing.assert_allclose(sitk.GetArrayFromImage(found.image), pydicom_volume(paths), rtol=1e-12)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.padding), pixels == 4000)
    np.testing.assert_allclose(voxels(paths[3]), pydicom_volume(paths)[3], rtol=1e-12)


def without_size(path: Path, **elements: Any) -> Path:
    one = pydicom.dcmread(path)
    del one.PixelSpacing
    for key, value in elements.items():
        setattr(one, key, value)
    one.save_as(path)
    return path


def test_pixels_of_no_size_are_said(tmp_path: Path) -> None:
    paths = [without_size(path) for path in write_series(tmp_path / "s", stack())]
    for path in (tmp_path / "s", paths[0]):
        (warning,) = read(path).warnings
        assert warning.startswith(f"{path} does not say how large its pixels are, which count as 1×1 mm")
    path = write_frames(tmp_path / "e.dcm", stack(), along((0, 0, 1), [3.0] * 6))
    assert not read(path).warnings
    one = pydicom.dcmread(path)
    del one.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    one.save_as(path)
    assert "how large its pixels are" in read(path).warnings[0]


def region(**elements: Any) -> pydicom.Dataset:
    whole = {"RegionLocationMinX0": 0, "RegionLocationMinY0": 0, "RegionLocationMaxX1": COLUMNS - 1}
    units = {
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.02,
        "PhysicalDeltaY": -0.03,
    }
    return item(**(whole | {"RegionLocationMaxY1": ROWS - 1} | units | elements))


@pytest.mark.parametrize(
    "regions, counts",
    [
        ([{}], True),
        ([{}, {}], False),
        ([{"PhysicalUnitsYDirection": 4}], False),
        ([{"RegionLocationMinX0": 2}], False),
        ([{"RegionLocationMaxY1": ROWS - 2}], False),
        ([{"PhysicalDeltaX": 0.0}], False),
    ],
)
def test_the_scale_of_an_ultrasound_image(tmp_path: Path, regions: list[dict[str, Any]], counts: bool) -> None:
    kind = pydicom.uid.UltrasoundImageStorage
    path = write_series(tmp_path / "s", stack(1), SOPClassUID=kind, Modality="US")[0]
    without_size(path, SequenceOfUltrasoundRegions=[region(**one) for one in regions])
    found = read(path)
    assert found.image.GetSpacing() == pytest.approx((0.2, 0.3) if counts else (1, 1))
    assert bool(found.warnings) != counts


def test_a_mosaic(tmp_path: Path) -> None:
    kind = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    path = write_series(tmp_path / "s", stack(1), ImageType=kind)[0]
    assert "dcm2niix" in refused(path, read, path)
    frames = write_frames(tmp_path / "e.dcm", stack(), along((0, 0, 1), [3.0] * 6))
    one = pydicom.dcmread(frames)
    one.ImageType = kind
    one.save_as(frames)
    np.testing.assert_array_equal(voxels(frames), stack())


def nuclear(path: Path, **elements: Any) -> Path:
    """Twelve frames of nuclear medicine, 4 mm apart against the normal."""
    header = {"SOPClassUID": pydicom.uid.NuclearMedicineImageStorage, "Modality": "NM", "NumberOfFrames": 12}
    header |= {"PixelSpacing": [4, 4], "SpacingBetweenSlices": -4.0, "ImageType": kind_of("RECON TOMO")}
    made = dataset(stack(12).astype(np.uint16), "1.2", **(header | elements))
    made.save_as(path, enforce_file_format=True)
    return path


def kind_of(word: str) -> list[str]:
    return ["ORIGINAL", "PRIMARY", word, "EMISSION"]


DETECTOR = item(ImageOrientationPatient=list(AXIAL), ImagePositionPatient=[-10, -20, 5])


@pytest.mark.parametrize("shown", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("kind", ["NuclearMedicineImageStorage", "MultiFrameGrayscaleWordSecondaryCaptureImageStorage"])
def test_a_volume_of_nuclear_medicine(tmp_path: Path, kind: str, shown: str) -> None:
    more = {"SOPClassUID": getattr(pydicom.uid, kind), "PhotometricInterpretation": shown}
    found = read(nuclear(tmp_path / "n.dcm", DetectorInformationSequence=[DETECTOR], NumberOfSlices=12, **more))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.image), stack(12))
    assert found.image.GetSpacing() == pytest.approx((4, 4, 4)) and "which side" in found.warnings[0]


@pytest.mark.parametrize("modality", ["NM", "PT"])
@pytest.mark.parametrize("between", [-3.0, 3.0])
def test_a_volume_of_nuclear_medicine_that_says_where_it_lies(tmp_path: Path, modality: str, between: float) -> None:
    kind = {"NM": pydicom.uid.NuclearMedicineImageStorage, "PT": pydicom.uid.PositronEmissionTomographyImageStorage}
    place = {"ImagePositionPatient": list(ORIGIN), "ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}
    scale = {"SpacingBetweenSlices": between, "RescaleSlope": 0.5, "RescaleIntercept": 0}
    found = read(nuclear(tmp_path / "n.dcm", SOPClassUID=kind[modality], Modality=modality, **place, **scale))
    values = sitk.GetArrayFromImage(found.image)
    for frame in (0, 11):  # stacked along the normal, to the right, or against it
        index = (0, 0, frame if between > 0 else 11 - frame)
        expected = ORIGIN - (between * frame, 0, 0)
        np.testing.assert_allclose(found.image.TransformIndexToPhysicalPoint(index), expected, atol=1e-9)
        np.testing.assert_allclose(values[index[2]], stack(12)[frame] * 0.5)
    assert not found.warnings


@pytest.mark.parametrize(
    "elements, said",
    [
        ({"ImageType": kind_of("RECON GATED TOMO"), "NumberOfSlices": 4, "NumberOfTimeSlots": 3}, "12 frames of 4"),
        ({"ImageType": kind_of("RECON GATED TOMO")}, "RECON GATED TOMO"),
        ({"ImageType": kind_of("TOMO")}, "kind TOMO"),
        ({"ImageType": kind_of("DYNAMIC")}, "kind DYNAMIC"),
        ({"NumberOfSlices": 6}, "12 frames of 6"),
        ({"SpacingBetweenSlices": 0}, "SpacingBetweenSlices"),
    ],
)
@pytest.mark.parametrize("placed", [False, True])
def test_frames_of_nuclear_medicine_that_are_no_volume(
    tmp_path: Path, elements: dict[str, Any], said: str, placed: bool
) -> None:
    place = {"ImagePositionPatient": list(ORIGIN), "ImageOrientationPatient": list(AXIAL)} if placed else {}
    path = nuclear(tmp_path / "n.dcm", DetectorInformationSequence=[DETECTOR], **place, **elements)
    assert said in refused(path, read, path)


@pytest.mark.parametrize("angle", [20.0, -7.5, 1.0])
def test_gantry_tilt(tmp_path: Path, angle: float) -> None:
    radians = np.radians(angle)
    orientation = [1, 0, 0, 0, np.cos(radians), np.sin(radians)]
    write_series(tmp_path / "s", stack(), along((0, 0, 1), [3.0] * 6), ImageOrientationPatient=orientation)
    assert f"{abs(angle):g}°" in refused(tmp_path / "s", read, tmp_path / "s")


def test_oblique_slices_that_are_straight(tmp_path: Path) -> None:
    turn = np.array([[0.8, -0.6, 0], [0.48, 0.64, -0.6], [0.36, 0.48, 0.8]])
    positions = ORIGIN + np.outer(np.arange(7) * 3.0, np.cross(turn[:, 0], turn[:, 1]))
    write_series(tmp_path / "s", stack(), positions, ImageOrientationPatient=[*turn[:, 0], *turn[:, 1]])
    found = read(tmp_path / "s").image
    assert found.GetDirection() == pytest.approx(turn.ravel()) and found.GetSpacing() == pytest.approx((0.5, 0.8, 3))


@pytest.mark.parametrize(
    "gaps, said",
    [
        ([3, 3, 6, 3, 3, 3], "3 to 6 mm"),
        ([3, 3, 0, 3, 3, 3], "002.dcm and 003.dcm"),
        ([0, 0, 0, 0, 0, 0], "7 slices at one position"),
        ([3, 3, 3, 3, 3, 3.5], "3 to 3.5 mm"),
        ([3, 0, 3, 0, 3, 0], "3 times in all"),
    ],
)
def test_missing_and_repeated_slices(tmp_path: Path, gaps: list[float], said: str) -> None:
    write_series(tmp_path / "s", stack(), along((0, 0, 1), gaps))
    assert said in refused(tmp_path / "s", read, tmp_path / "s")


@pytest.mark.parametrize(
    "element",
    [
        {"RescaleSlope": "nan"},
        {"RescaleIntercept": "inf"},
        {"PixelSpacing": ["0", "1"]},
        {"PixelSpacing": ["-1", "1"]},
        {"PixelSpacing": ["nan", "1"]},
        {"PixelSpacing": ["1", "1", "1"]},
        {"ImagePositionPatient": ["0", "nan", "9"]},
        {"ImagePositionPatient": ["0", "9"]},
    ],
)
@pytest.mark.parametrize("count", [1, 7])
def test_numbers_that_cannot_be(tmp_path: Path, element: dict[str, Any], count: int) -> None:
    """Of one slice, the third or the only one, or of one frame."""
    with disable_value_validation():  # of pydicom, as it writes
        each = [element if i == count // 2 else {} for i in range(count)]
        path = write_series(tmp_path / "s", stack(count), each=each)[count // 2]
    refused(path, read, tmp_path / "s")


def test_numbers_of_frames_that_cannot_be(tmp_path: Path) -> None:
    with disable_value_validation():
        path = write_frames(tmp_path / "e.dcm", stack(), along((0, 0, 1), [3.0] * 6), [1, 1, math.nan, 1, 1, 1, 1])
        assert "frame 3" in refused(path.name, read, path)
        positions = along((0, 0, 1), [3.0] * 6)
        positions[4, 1] = math.inf
        path = write_frames(tmp_path / "e.dcm", stack(), positions)
        assert "frame 5" in refused(path.name, read, path)


def test_a_slice_beside_the_others(tmp_path: Path) -> None:
    positions = along((0, 0, 1), [3.0] * 6)
    positions[3, 0] += 2
    write_series(tmp_path / "s", stack(), positions)
    assert "003.dcm is 2 mm off" in refused(tmp_path / "s", read, tmp_path / "s")


@pytest.mark.parametrize("count", [7, 100])
@pytest.mark.parametrize("shift, fits", [((0.04, 0, 0), True), ((0.06, 0, 0), False), ((0, -5, 0), False)])
def test_how_far_a_slice_may_lie_beside_the_others(
    tmp_path: Path, count: int, shift: tuple[float, ...], fits: bool
) -> None:
    """0.1 of the smaller pixel side, 0.5 mm, however long the stack is."""
    positions = along((0, 0, 1), [3.0] * (count - 1))
    positions[count // 2] += shift
    write_series(tmp_path / "s", stack(count), positions)
    if fits:
        np.testing.assert_array_equal(voxels(tmp_path / "s"), stack(count))
    else:
        said = f"{count // 2:03d}.dcm is {np.linalg.norm(shift):g} mm off"
        assert said in refused(tmp_path / "s", read, tmp_path / "s")


@pytest.mark.parametrize("half, fits", [(5, True), (50, False)])
def test_gaps_that_add_up(tmp_path: Path, half: int, fits: bool) -> None:
    """Gaps of 3 and then of 3.05 mm are alike; each before the middle slice puts it 0.025 mm off an even grid."""
    write_series(tmp_path / "s", stack(2 * half + 1), along((0, 0, 1), [3.0] * half + [3.05] * half))
    if fits:
        assert read(tmp_path / "s").image.GetSpacing()[2] == pytest.approx(3.025)
    else:
        assert "050.dcm is 1.25 mm off" in refused(tmp_path / "s", read, tmp_path / "s")


@pytest.mark.parametrize("count", [4, 7, 100])
@pytest.mark.parametrize("missing", [False, True])
def test_positions_that_are_rounded(tmp_path: Path, count: int, missing: bool) -> None:
    """Slices of 1.25 mm by one decimal: gaps of 1.2 and 1.3 mm, each slice within 0.04 of a gap of its place."""
    number = np.arange(count) + (np.arange(count) >= count // 2 if missing else 0)
    heights = np.round(-100 + 1.25 * number, 1)
    write_series(tmp_path / "s", stack(count), ORIGIN + np.outer(heights, (0, 0, 1)))
    if missing:
        assert "missing" in refused(tmp_path / "s", read, tmp_path / "s")
    else:
        np.testing.assert_array_equal(voxels(tmp_path / "s"), stack(count))


@pytest.mark.parametrize("share, fits", [(0.09, True), (0.11, False)])
def test_how_far_slices_may_lie_along_the_stack(tmp_path: Path, share: float, fits: bool) -> None:
    """0.1 of their distance, also where the neighbours lie as far to the other side."""
    heights = 3.0 * np.arange(9)
    heights[3:5] += 3 * share, -3 * share
    write_series(tmp_path / "s", stack(9), ORIGIN + np.outer(heights, (0, 0, 1)))
    if fits:
        assert read(tmp_path / "s").image.GetSpacing()[2] == pytest.approx(3)
    else:
        assert "2.34 to 3.33 mm apart" in refused(tmp_path / "s", read, tmp_path / "s")


@pytest.mark.parametrize("kind", ["series", "frames", "dose"])
def test_cosines_that_are_rounded(tmp_path: Path, kind: str) -> None:
    """A coronal stack turned by 45°, straight along its true normal, whose file has three digits of the cosines."""
    rounded, path, pixels = (0.707, 0.707, 0, 0, 0, -1), tmp_path / kind, stack(101)
    positions = along((-np.sqrt(0.5), np.sqrt(0.5), 0), [3.0] * 100)
    if kind == "series":
        write_series(path, pixels, positions, ImageOrientationPatient=list(rounded))
    elif kind == "frames":
        write_frames(path, pixels, positions, orientation=rounded)
    else:
        write_dose(path, pixels.astype(np.uint16), ORIGIN, 3.0, rounded)
    found = read(path).image
    assert found.GetSpacing() == pytest.approx((0.5, 0.8, 3.0), rel=1e-9)
    for index, place in (((0, 0, 100), positions[-1]), ((5, 0, 0), ORIGIN + 2.5 * np.sqrt([0.5, 0.5, 0]))):
        np.testing.assert_allclose(found.TransformIndexToPhysicalPoint(index), place, atol=1e-6)


@pytest.mark.parametrize("cosines", [(2, 0, 0, 0, 2, 0), (0, 0, 0, 0, 0, 0), (0.9, 0, 0, 0, 1, 0)])
@pytest.mark.parametrize("kind", ["series", "frames", "dose"])
def test_cosines_that_are_none(tmp_path: Path, kind: str, cosines: tuple[float, ...]) -> None:
    path, positions = tmp_path / kind, along((0, 0, 1), [3.0] * 6)
    if kind == "series":
        write_series(path, stack(), positions, ImageOrientationPatient=list(cosines))
    elif kind == "frames":
        write_frames(path, stack(), positions, orientation=cosines)
    else:
        write_dose(path, stack().astype(np.uint16), ORIGIN, 3.0, cosines)
    assert "ImageOrientationPatient" in refused(kind, read, path)


def test_orientations_sizes_and_spacings_that_differ(tmp_path: Path) -> None:
    coronal = [1.0, 0, 0, 0, 0, -1]
    other = {"turned": {"ImageOrientationPatient": coronal}, "wide": {"PixelSpacing": [1.6, 0.5]}}
    for name, elements in other.items():
        write_series(tmp_path / name, stack(), each=[elements if i == 4 else {} for i in range(7)])
        message = refused(tmp_path / name, read, tmp_path / name)
        assert "004.dcm" in message and "6 files such as 000.dcm" in message


def test_several_series(tmp_path: Path) -> None:
    write_series(tmp_path / "s", stack(), uid="1.2.3.4", SeriesDescription="chest")
    write_series(tmp_path / "s", stack(2, seed=1), uid="1.2.3.5", name="loc{}.dcm")
    message = refused(tmp_path / "s", read, tmp_path / "s")
    assert "1.2.3.4: chest, 7 files of 6×5" in message and "1.2.3.5: CT, 2 files" in message
    np.testing.assert_array_equal(voxels(tmp_path / "s", "1.2.3.5"), stack(2, seed=1))
    assert "1.2.3.4" in refused("no DICOM series 9.9", read, tmp_path / "s", "9.9")


def test_a_series_that_is_asked_for_in_another_format(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.Image([5, 5], sitk.sitkUInt8), str(tmp_path / "a.nii"))
    refused(tmp_path / "a.nii", read, tmp_path / "a.nii", "1.2.3")


@pytest.mark.parametrize("which", [0, 3, 6])
@pytest.mark.parametrize("name", ["{:03d}.dcm", "IM{:04d}"])
@pytest.mark.parametrize("damage", ["half", "header", "empty", "text", "zeros"])
def test_a_damaged_slice_is_named(tmp_path: Path, which: int, name: str, damage: str) -> None:
    path = write_series(tmp_path / "s", stack(), name=name)[which]
    content = path.read_bytes()
    half = content[: len(content) - 20]
    broken = {"half": half, "header": content[:200], "empty": b"", "text": b"not here", "zeros": bytes(len(content))}
    path.write_bytes(broken[damage])
    refused(path, read, tmp_path / "s")


def test_one_file(tmp_path: Path) -> None:
    first = write_series(tmp_path / "s", stack())[0]
    np.testing.assert_array_equal(voxels(first), stack()[0])


def test_a_dicomdir_and_other_files_without_pixels(tmp_path: Path) -> None:
    write_series(tmp_path / "s", stack())
    for name, kind in (("report.dcm", "1.2.840.10008.5.1.4.1.1.88.11"), ("DICOMDIR", "1.2.840.10008.1.3.10")):
        other = dataset(stack()[0], "9.9", SOPClassUID=kind)
        for key in ("PixelData", "Rows", "Columns"):
            delattr(other, key)
        other.save_as(tmp_path / "s" / name, enforce_file_format=True)
    np.testing.assert_array_equal(voxels(tmp_path / "s"), stack())
    refused(tmp_path / "s" / "DICOMDIR", read, tmp_path / "s" / "DICOMDIR")


def test_slices_without_positions(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "s", stack())
    for path in paths:
        one = pydicom.dcmread(path)
        del one.ImagePositionPatient
        one.save_as(path)
    assert "000.dcm" in refused(tmp_path / "s", read, tmp_path / "s")


@pytest.mark.parametrize("limit", [None, -2010])
def test_padding_that_the_file_names(tmp_path: Path, limit: int | None) -> None:
    pixels = stack()
    pixels[:, 0, :2], pixels[2, 3, 3] = -2000, -2005
    elements = {} if limit is None else {"PixelPaddingRangeLimit": limit}
    write_series(tmp_path / "s", pixels, PixelPaddingValue=-2000, RescaleSlope=1, RescaleIntercept=-24, **elements)
    found = read(tmp_path / "s")
    expected = (pixels == -2000) | ((pixels == -2005) & (limit is not None))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.padding), expected)
    assert found.repairs[0].startswith(f"{tmp_path / 's'} has") and "PixelPaddingValue" in found.repairs[0]


def test_padding_that_no_voxel_has(tmp_path: Path) -> None:
    write_series(tmp_path / "s", stack(), PixelPaddingValue=-2000)
    found = read(tmp_path / "s")
    assert found.padding is None and not found.repairs


def test_frames_are_sorted_and_rescaled_each(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(7)
    positions = along((0, 0, 1), [3.0] * 6)
    slopes = [0.5 + i for i in order.tolist()]
    path = write_frames(tmp_path / "e.dcm", stack()[order], positions[order], slopes)
    expected = stack() * (0.5 + np.arange(7))[:, None, None] - 5
    np.testing.assert_allclose(voxels(path), expected)
    found = read(path).image
    assert found.GetSpacing() == pytest.approx((0.5, 0.8, 3.0)) and found.GetOrigin() == pytest.approx(ORIGIN)


def test_frames_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    write_frames(tmp_path / "s" / "e.dcm", stack(), along((0, 0, 1), [3.0] * 6))
    assert voxels(tmp_path / "s").dtype == np.int16


KINDS = ["EnhancedCT", "EnhancedMR", "EnhancedPET", "ParametricMap", "VLWholeSlideMicroscopy"]


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_one_frame_each(tmp_path: Path, kind: str) -> None:
    """A frame's place, size and rescaling are in the header of the frame, which ITK knows of some classes only."""
    (tmp_path / "s").mkdir()
    order, slopes = np.random.default_rng(1).permutation(7), [0.5 + i for i in range(7)]
    for name, i in enumerate(order.tolist()):
        path = write_frames(tmp_path / "s" / f"{name}.dcm", stack()[i : i + 1], [ORIGIN + (0, 0, 3.0 * i)], [slopes[i]])
        one = pydicom.dcmread(path)
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = getattr(pydicom.uid, f"{kind}ImageStorage", None) or (
            pydicom.uid.ParametricMapStorage
        )
        one.save_as(path)
    expected = stack() * np.array(slopes)[:, None, None] - 5
    found = read(tmp_path / "s").image
    np.testing.assert_allclose(sitk.GetArrayFromImage(found), expected)
    assert found.GetSpacing() == pytest.approx((0.5, 0.8, 3.0)) and found.GetOrigin() == pytest.approx(ORIGIN)
    alone = read(tmp_path / "s" / "2.dcm").image
    np.testing.assert_allclose(sitk.GetArrayFromImage(alone), expected[order[2]])
    assert alone.GetSpacing() == pytest.approx((0.5, 0.8)) and alone.GetOrigin() == pytest.approx(ORIGIN[:2])
    path = write_frames(tmp_path / "s" / "6.dcm", stack(), along((0, 0, 1), [3.0] * 6))
    assert "several frames" in refused(tmp_path / "s", read, tmp_path / "s")


@pytest.mark.parametrize("count", [1, 3])
def test_single_bits_are_0_and_1(tmp_path: Path, count: int) -> None:
    bits = (stack(count) > 900).astype(np.uint8)
    path = write_frames(tmp_path / "seg.dcm", bits, along((0, 0, 1), [3.0] * (count - 1)))
    one = pydicom.dcmread(path)
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = pydicom.uid.SegmentationStorage
    one.BitsAllocated, one.BitsStored, one.HighBit = 1, 1, 0
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    one.PixelData = packed + bytes(len(packed) % 2)
    one.save_as(path)
    labels = sitk.GetArrayFromImage(read_label_map(path).image)
    np.testing.assert_array_equal(labels, bits if count > 1 else bits[0])


@pytest.mark.parametrize("key, kind", [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)])
def test_floating_point_pixels_are_not_cut_off(tmp_path: Path, key: str, kind: type) -> None:
    path = write_series(tmp_path / "s", stack(1))[0]
    one = pydicom.dcmread(path)
    del one.PixelData
    setattr(one, key, stack(1).astype(kind).tobytes())
    one.save_as(path)
    message = refused(path, read, path)
    assert "floating-point" in message and "cut off" not in message


def test_frames_that_form_no_stack(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "gap.dcm", stack(), along((0, 0, 1), [3, 3, 6, 3, 3, 3]))
    assert "frame 3 and gap.dcm frame 4" in refused(path, read, path)
    path = write_frames(tmp_path / "phases.dcm", stack(), along((0, 0, 1), [3, 3, 3, -9, 3, 3]))
    assert "at one position" in refused(path, read, path)
    film = dataset(stack(), "1.2", NumberOfFrames=7)
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    assert "without positions" in refused(tmp_path / "film.dcm", read, tmp_path / "film.dcm")


def test_a_dose_by_its_offsets(tmp_path: Path) -> None:
    pixels = stack().astype(np.uint16)
    path = write_dose(tmp_path / "dose.dcm", pixels, ORIGIN, 3.0)
    np.testing.assert_allclose(voxels(path), pixels * 0.001)
    assert read(path).image.GetSize() == (COLUMNS, ROWS, 7)

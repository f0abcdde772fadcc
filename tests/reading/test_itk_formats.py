"""MetaImage and NRRD: what their headers say against what is there."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import image, refused, same_space
from pairreg.geometry import matrix_of
from pairreg.reading.any_format import read, read_vectors
from pairreg.reading.detached import data_files
from pairreg.reading.grid import check_place
from pairreg.reading.notes import ImageFile


def written(path: Path, compressed: bool = False, kind: type = np.int16) -> sitk.Image:
    noise = np.random.default_rng(0).integers(0, 30000, (9, 8, 7)).astype(kind)
    made = sitk.GetImageFromArray(noise)
    made.CopyInformation(image((7, 8, 9)))
    sitk.WriteImage(made, str(path), useCompression=compressed)
    return made


def edit(path: Path, old: str, new: str) -> Path:
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode(), 1))
    return path


def replaced(path: Path, key: str, value: str) -> Path:
    """Another value for a line of the header, which gets it if it has none."""
    lines = path.read_bytes().split(b"\n")
    index = next((i for i, line in enumerate(lines) if line.startswith(key.encode())), None)
    text = f"{key} = {value}" if path.suffix in (".mha", ".mhd") else f"{key}: {value}"
    lines[1 if index is None else index : 1 if index is None else index + 1] = [text.encode()]
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.mark.parametrize("name", ["a.mha", "a.mhd", "a.nrrd", "a.nhdr"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.int64, np.float32, np.float64])
def test_sound_files(tmp_path: Path, name: str, compressed: bool, kind: type) -> None:
    original = written(tmp_path / name, compressed, kind)
    found = read(tmp_path / name)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.image), sitk.GetArrayFromImage(original))
    same_space(found.image, original)
    assert not found.repairs + found.warnings


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.98])
def test_cut_off(tmp_path: Path, name: str, compressed: bool, share: float) -> None:
    path = tmp_path / name
    written(path, compressed)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "cut off" in refused(path, read, path)


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
@pytest.mark.parametrize("renamed", ["a.mhd", "a.nhdr", "a.mha", "a.nrrd", "a.txt"])
@pytest.mark.parametrize("compressed", [False, True])
def test_detached_data_missing_or_short(tmp_path: Path, name: str, renamed: str, compressed: bool) -> None:
    original = written(tmp_path / name, compressed)
    (data,) = (file for file in tmp_path.iterdir() if file.name != name)
    (tmp_path / name).rename(tmp_path / renamed)
    name = renamed
    assert data_files(tmp_path / name) == [data]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read(tmp_path / name).image), sitk.GetArrayFromImage(original))
    data.write_bytes(data.read_bytes()[:300])
    assert "cut off" in refused(data, read, tmp_path / name)
    data.unlink()
    assert data.name in refused(tmp_path / name, read, tmp_path / name)


@pytest.mark.parametrize("damage", ["LIST", "pattern"])
def test_a_file_per_slice(tmp_path: Path, damage: str) -> None:
    original = written(tmp_path / "a.mhd")
    values = sitk.GetArrayFromImage(original)
    for i, plane in enumerate(values):
        (tmp_path / f"s{i}.raw").write_bytes(plane.tobytes())
    listed = "LIST\n" + "\n".join(f"s{i}.raw" for i in range(9)) if damage == "LIST" else "s%d.raw 0 8 1"
    edit(tmp_path / "a.mhd", "a.raw", listed)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read(tmp_path / "a.mhd").image), values)
    (tmp_path / "s4.raw").write_bytes(b"short")
    assert "5 of 112 bytes" in refused(tmp_path / "s4.raw", read, tmp_path / "a.mhd")
    (tmp_path / "s4.raw").unlink()
    assert "s4.raw" in refused(tmp_path / "a.mhd", read, tmp_path / "a.mhd")


THOUSANDS = "9" * 5000  # digits, which Python does not read as a number
META = {
    "ElementNumberOfChannels": ["1.0", "0", "-1", "x", THOUSANDS],
    "HeaderSize": ["x", "1.5", "-2", THOUSANDS],
    "ElementSpacing": ["0 1 1", "-1 1 1", "nan 1 1", "1 1", "1,5 1 1", "1e-9 1 1"],
    "Offset": ["nan 0 0", "inf 0 0", "1e300 0 0", "0 0"],
    "TransformMatrix": [
        "1 0 0 0 1 0 0 0 nan",
        "1 0 0 0 1 0 0 0 0",
        "1 0 0 0.6 0.8 0 0 0 1",
        "1 0 0 0 1 0",
        "2 0 0 0 2 0 0 0 2",
    ],
    "DimSize": [THOUSANDS, "7 8 0", "7 8", "7 8 -9", "7 8 9000", "x"],
    "ElementType": ["MET_OTHER", ""],
}
NRRD = {
    "space directions": ["(nan,0,0) (0,1,0) (0,0,1)", "(0,0,0) (0,1,0) (0,0,1)", "(1,0,0) (0.6,0.8,0) (0,0,1)"],
    "space origin": ["(nan,0,0)", "(1e300,0,0)", "(inf,0,0)"],
    "byte skip": ["x", "1.5", "-2", THOUSANDS],
    "sizes": [THOUSANDS, "7 8 0", "7 8 9000", "x"],
    "type": ["block", ""],
}


@pytest.mark.parametrize(
    "name, key, value",
    [(name, key, value) for name in ("a.mha", "a.mhd") for key, values in META.items() for value in values]
    + [(name, key, value) for name in ("a.nrrd", "a.nhdr") for key, values in NRRD.items() for value in values],
    ids=lambda text: text[:20],
)
def test_headers_that_cannot_be(tmp_path: Path, name: str, key: str, value: str) -> None:
    written(tmp_path / name)
    path = replaced(tmp_path / name, key, value)
    assert len(refused(tmp_path, read, path)) < 500


def test_a_compressed_size_that_is_no_number(tmp_path: Path) -> None:
    written(tmp_path / "a.mha", compressed=True)
    for value in ("x", "-1", THOUSANDS):
        path = replaced(tmp_path / "a.mha", "CompressedDataSize", value)
        assert "CompressedDataSize" in refused(path, read, path)


@pytest.mark.parametrize("said", ["True", "true", "T", "1"])
@pytest.mark.parametrize("sized", [False, True])
def test_compressed_voxels_behind_the_header_need_their_size(tmp_path: Path, said: str, sized: bool) -> None:
    """Without it ITK inflates the header, and leaves whatever the memory held."""
    path = tmp_path / "a.mha"
    original = written(path, compressed=True)
    edit(path, "CompressedData = True", f"CompressedData = {said}")
    if sized:
        np.testing.assert_array_equal(sitk.GetArrayFromImage(read(path).image), sitk.GetArrayFromImage(original))
        return
    path.write_bytes(b"\n".join(line for line in path.read_bytes().split(b"\n") if b"CompressedDataSize" not in line))
    assert "CompressedDataSize" in refused(path, read, path)


@pytest.mark.parametrize("name, key", [("a.mhd", "HeaderSize"), ("a.nhdr", "byte skip")])
@pytest.mark.parametrize("skipped", [5, -1])
def test_bytes_before_the_voxels(tmp_path: Path, name: str, key: str, skipped: int) -> None:
    """They are as many as the header says, or whatever the file has more than its voxels."""
    original = written(tmp_path / name)
    (data,) = (file for file in tmp_path.iterdir() if file.name != name)
    data.write_bytes(b"12345" + data.read_bytes())
    found = read(replaced(tmp_path / name, key, str(skipped)))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.image), sitk.GetArrayFromImage(original))


@pytest.mark.parametrize("name, key, value", [
    ("a.mha", "TransformMatrix", "1 0.005 0 0 1 0 0 0 1"),
    ("a.nrrd", "space directions", "(1,0.005,0) (0,2,0) (0,0,3)"),
])  # fmt: skip
def test_a_small_shear_is_removed(tmp_path: Path, name: str, key: str, value: str) -> None:
    written(tmp_path / name)
    found = read(replaced(tmp_path / name, key, value))
    axes = np.reshape(found.image.GetDirection(), (3, 3))
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    assert found.repairs[0].startswith(str(tmp_path / name)) and "orthogonal" in found.repairs[0]


def lies_in(found: ImageFile, original: sitk.Image, unit: str, scale: float) -> None:
    """The image lies where `original` does, in a unit of `scale` mm, which is said unless it is mm."""
    expected = matrix_of(original) * np.array([[scale], [scale], [scale], [1]])
    np.testing.assert_allclose(matrix_of(found.image), expected, rtol=1e-6)
    assert [unit in said for said in found.warnings] == ([] if scale == 1 else [True])


@pytest.mark.parametrize(
    "units, scale", [("um um um", 1e-3), ("µm μm micron", 1e-3), ("cm cm cm", 10), ("mm mm mm", 1), ("mm voxel mm", 1)]
)
def test_the_unit_of_nrrd(tmp_path: Path, units: str, scale: float) -> None:
    original = written(tmp_path / "a.nrrd")
    edit(tmp_path / "a.nrrd", "encoding:", f"space units: {quoted(units)}\nencoding:")
    found = read(tmp_path / "a.nrrd")
    lies_in(found, original, units.split()[0], scale)


@pytest.mark.parametrize("unit, scale", [("um", 1e-3), ("cm", 10), ("mm", 1), ("?", 1)])
def test_the_unit_of_metaimage(tmp_path: Path, unit: str, scale: float) -> None:
    original = written(tmp_path / "a.mha")
    edit(tmp_path / "a.mha", "ElementType", f"DistanceUnits = {unit}\nElementType")
    found = read(tmp_path / "a.mha")
    lies_in(found, original, unit, scale)


SPACES = {
    "left-posterior-superior": ((1, 1, 1), ""),
    "LPS": ((1, 1, 1), ""),
    "right-anterior-superior": ((-1, -1, 1), ""),
    "RAS": ((-1, -1, 1), ""),
    "left-anterior-superior": ((1, -1, 1), ""),
    "LAS": ((1, -1, 1), ""),
    "scanner-xyz": ((1, 1, 1), "scanner-xyz"),
    "3D-right-handed": ((1, 1, 1), "3d-right-handed"),
    "": ((1, 1, 1), "no space"),
}


@pytest.mark.parametrize("space", SPACES)
def test_the_space_of_nrrd(tmp_path: Path, space: str) -> None:
    """An axis to the left in LPS leads to the left in any space that says so; other spaces do not say.

    ITK of SimpleITK 2.5.0 turns left-anterior-superior, which is refused.
    """
    path, (signs, doubt) = tmp_path / "a.nrrd", SPACES[space]
    original = written(path)
    edit(path, "space: left-posterior-superior", f"space: {space}" if space else "space dimension: 3")
    to_lps = np.diag([*signs, 1])
    itself = matrix_of(sitk.ReadImage(str(path)))
    if not np.allclose(itself, to_lps @ matrix_of(original)) and space in ("LAS", "left-anterior-superior"):
        assert "left-posterior-superior" in refused(path, read, path)
        return
    found = read(path)
    np.testing.assert_allclose(matrix_of(found.image), to_lps @ matrix_of(original), atol=1e-12)
    assert [doubt in said and "where the patient is" in said for said in found.warnings] == ([True] if doubt else [])


def test_a_place_that_itk_reads_otherwise() -> None:
    """Which files those are depends on the version of ITK."""
    header, moved = np.diag([-2.0, 3, 4, 1]), np.diag([-2.0, 3, 4, 1])
    moved[0, 3] = 0.15  # less than 0.1 of a voxel
    check_place(header, moved, (7, 8, 9), Path("a.nrrd"), "mend it")
    turned = np.diag([2.0, -3, 4, 1])
    assert "mend it" in refused(
        "a.nrrd lies at two places", check_place, header, turned, (7, 8, 9), Path("a.nrrd"), "mend it"
    )


def quoted(units: str) -> str:
    return " ".join(f'"{unit}"' for unit in units.split())


def without_space(path: Path, units: str, more: str = "") -> Path:
    """A volume of 2 × 3 × 4 voxels whose axes have units of their own, as microscopes write it."""
    head = f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 3 4\nspacings: 500 1250 3000\nunits: {units}\n{more}"
    path.write_bytes(f"{head}encoding: raw\n\n".encode() + bytes(range(24)))
    return path


def test_the_unit_of_axes_without_a_space(tmp_path: Path) -> None:
    for units, spacing in (("um um um", (0.5, 1.25, 3)), ("mm mm mm", (500, 1250, 3000))):
        assert read(without_space(tmp_path / "a.nrrd", quoted(units))).image.GetSpacing() == pytest.approx(spacing)
    other = without_space(tmp_path / "a.nrrd", '"s" "um" "um"', "kinds: vector domain domain\n")
    assert read_vectors(other).image.GetSpacing() == pytest.approx((1.25, 3)), "the first axis is none in space"


@pytest.mark.parametrize("units", ['"um" "um" "mm"', '"um" "um" "cm"', '"mm" "m" "mm"', '"um" "um" ""'])
@pytest.mark.parametrize("space", [True, False])
def test_units_that_differ(tmp_path: Path, units: str, space: bool) -> None:
    path = tmp_path / "a.nrrd"
    if space:
        written(path)
        edit(path, "encoding:", f"space units: {units}\nencoding:")
    else:
        without_space(path, units)
    assert "one unit for all axes" in refused(path, read, path)

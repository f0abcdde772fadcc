import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from pair_helpers import SHARED, refused
from pairreg.pair.landmarks import read_landmarks, read_points, write_points

POINTS = [[1.0, 2.5, -3.0], [4.0, 5.0, 6.0]]


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


SLICER = {
    "markups": [
        {
            "type": "Fiducial",
            "coordinateSystem": "RAS",
            "coordinateUnits": "mm",
            "controlPoints": [
                {"label": "a", "position": [-1.0, -2.5, -3.0], "positionStatus": "defined"},
                {"label": "b", "position": [-4.0, -5.0, 6.0]},
            ],
        }
    ]
}
FCSV = """# Markups fiducial file version = 4.11
# CoordinateSystem = {}
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
one,{},-3.0,0,0,0,1,1,1,0,"F, 1",,
two,{},6.0,0,0,0,1,1,1,0,F-2,,
"""
RAS, LPS = ("-1,-2.5", "-4,-5"), ("1,2.5", "4,5")
LAYOUTS = {
    "header": ("a.csv", "x,y,z\n1,2.5,-3\n4,5,6\n"),
    "names in another order": ("a.csv", "\ufeffname, Z, Y, X\nfirst, -3, 2.5, 1\nsecond, 6, 5, 4\n\n"),
    "units and quotes": ("a.csv", '"label","pos_x [mm]","Y (mm)","z mm"\n"a, b",1,2.5,-3\n"c",4,5,6\n'),
    "no header": ("a.csv", "1,2.5,-3\n4,5,6"),
    "numbered": ("a.csv", "1,1,2.5,-3\n2,4,5,6\n"),
    "named": ("a.csv", "first,1,2.5,-3\nsecond,4,5,6\n"),
    "trailing separators": ("a.csv", "x,y,z,\n1,2.5,-3,\n4,5,6,\n"),
    "semicolons": ("a.csv", "x;y;z\n1;2.5;-3\n4;5;6\n"),
    "decimal commas": ("a.csv", "x;y;z\n1,0;2,5;-3,0\n4,0;5,0;6,0\n"),
    "decimal commas between spaces": ("a.txt", "1,0 2,5 -3,0\n4,0 5,0 6,0\n"),
    "tabs and Windows": ("a.txt", "x\ty\tz\r\n1\t2.5\t-3\r\n4\t5\t6\r\n"),
    "spaces": ("a.pts", "  1   2.5  -3\n  4   5     6\n"),
    "comments": ("a.csv", "# by hand\n\nx,y,z\n1,2.5,-3\n# that one is doubtful\n4,5,6\n"),
    "exponents": ("a.csv", "1e0,2.5E+00,-3.0\n4,5,6\n"),
    "ANTs": ("a.csv", "x,y,z,t,label,comment\n1,2.5,-3,0,1,NA\n4,5,6,0,2,NA\n"),
    "columns of 3-D Slicer": ("a.tsv", "label\tr\ta\ts\na\t-1\t-2.5\t-3\nb\t-4\t-5\t6\n"),
    "fcsv RAS": ("a.fcsv", FCSV.format("RAS", *RAS)),
    "fcsv LPS": ("a.fcsv", FCSV.format("LPS", *LPS)),
    "fcsv before 4.11": ("a.fcsv", FCSV.format("0", *RAS)),
    "markups": ("a.mrk.json", json.dumps(SLICER)),
    "elastix": ("a.txt", "point\n2\n1 2.5 -3\n4 5 6\n"),
    "JSON list": ("a.json", json.dumps(POINTS)),
    "JSON object": ("a.json", json.dumps({"space": "LPS physical mm", "fixed": POINTS, "moving": POINTS})),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name, content", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes(content.removeprefix("\ufeff").encode(encoding))
    for points in read_landmarks(path, str(path), 3):
        np.testing.assert_array_equal(points, POINTS)


numbers = st.floats(-2000, 2000).map(lambda x: round(x, 5))


@pytest.mark.parametrize("name, content", LAYOUTS.values(), ids=LAYOUTS)
@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=2, max_size=2))
def test_points_come_back_from_a_file_like_another(name: str, content: str, points: list[tuple[float, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / name, Path(folder) / f"other_{name}"
        first.write_bytes(content.encode())
        write_points(second, np.array(points), first, "fixed", "fixed")
        np.testing.assert_allclose(read_points(second, "fixed", 3), points, atol=1e-6)
        write_points(first, read_points(first, "fixed", 3), first, "fixed", "fixed")
        np.testing.assert_array_equal(read_points(first, "fixed", 3), POINTS)


def test_what_else_a_file_holds_stays(tmp_path: Path) -> None:
    like = text(tmp_path / "a.fcsv", FCSV.format("RAS", *RAS))
    write_points(tmp_path / "b.fcsv", np.array(POINTS) + 1, like, "fixed", "moving")
    before, after = (file.read_text().splitlines() for file in (like, tmp_path / "b.fcsv"))
    assert after[:3] == before[:3] and after[3] == 'one,-2.0,-3.5,-2.0,0,0,0,1,1,1,0,"F, 1",,'


def test_voxel_indices_of_elastix_are_those_of_the_image(tmp_path: Path) -> None:
    image = sitk.Image(20, 20, 20, sitk.sitkUInt8)
    image.SetSpacing((0.5, 2.0, 3.0))
    image.SetOrigin((-7.0, 1.0, 4.0))
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    path = text(tmp_path / "a.txt", "index\n1\n3 4 5\n")
    expected = image.TransformIndexToPhysicalPoint((3, 4, 5))
    np.testing.assert_allclose(read_points(path, "fixed", 3, image)[0], expected)
    assert "voxel indices" in refused(path, read_points, path, "fixed", 3)


@pytest.mark.parametrize(
    "content", ["x,y,z,t\n1,2,0,0\n3,4,0,0\n", "1 2 0\n3 4 0\n", json.dumps([[1, 2, 0], [3, 4, 0]])]
)
def test_planes_with_columns_of_zeros(tmp_path: Path, content: str) -> None:
    path = text(tmp_path / "a.csv", content)
    np.testing.assert_array_equal(read_points(path, "fixed", 2), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "name, content, reason",
    {
        "no system": ("a.fcsv", FCSV.replace("# CoordinateSystem = {}\n", "").format(*RAS), "its CoordinateSystem"),
        "voxels of Slicer": ("a.fcsv", FCSV.format("IJK", *RAS), "the coordinate system 'IJK'"),
        "system of markups": (
            "a.mrk.json",
            json.dumps(SLICER).replace("coordinateSystem", "c"),
            "its coordinateSystem",
        ),
        "undefined point": ("a.mrk.json", json.dumps(SLICER).replace("defined", "undefined"), "control point 'a'"),
        "two lists": ("a.mrk.json", json.dumps({"markups": SLICER["markups"] * 2}), "2 lists of control points"),
        "markups in cm": ("a.mrk.json", json.dumps(SLICER).replace('"mm"', '"cm"'), "in 'cm'"),
        "header in cm": ("a.csv", "x (cm),y (cm),z (cm)\n1,2,3\n", "the column 'x (cm)'"),
        "header of indices": ("a.csv", "i,j,k\n1,2,3\n", "voxel indices"),
        "number of elastix": ("a.txt", "point\n3\n1 2 3\n4 5 6\n", "2 points, not the 3"),
        "four numbers": ("a.csv", "10,1,2.5,-3\n20,4,5,6\n", "4 coordinates a point"),
        "a missing cell": ("a.csv", "x,y,z\n1,2,3\n4,5\n", "line 3"),
        "a word": ("a.csv", "x,y,z\n1,2,3\n4,five,6\n", "'five' in line 3"),
        "a space": ("a.json", json.dumps({"space": "voxel", "fixed": POINTS, "moving": POINTS}), "'voxel'"),
    }.values(),
)
def test_the_reason_of_a_refusal(tmp_path: Path, name: str, content: str, reason: str) -> None:
    path = text(tmp_path / name, content)
    assert reason in refused(path, read_points, path, "fixed", 3)


def test_one_file_for_both_images() -> None:
    path = SHARED / "ct_lung_baseline_followup" / "landmarks.json"
    if not path.exists():
        pytest.skip("shared data are absent")
    fixed, moving = read_landmarks(path, path, 3)
    assert np.linalg.norm(fixed - moving, axis=1).mean() == pytest.approx(34.856, abs=1e-3)


def test_2d(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "x,y\n1,2\n")
    assert read_landmarks(path, path, 2)[0].shape == (1, 2)
    assert "2 coordinates" in refused(path, read_landmarks, path, path, 3)


def test_counts_differ(tmp_path: Path) -> None:
    one, two = text(tmp_path / "1.csv", "1,2\n"), text(tmp_path / "2.csv", "1,2\n3,4\n")
    message = refused(one, read_landmarks, one, two, 2)
    assert "1 fixed" in message and "2 moving" in message


def test_one_without_the_other(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "1,2\n")
    assert "moving_landmarks" in refused(path, read_landmarks, path, None, 2)
    assert "fixed_landmarks" in refused(path, read_landmarks, None, path, 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", ""),
        ("a.csv", "a,b\n1,2\n"),
        ("a.csv", "x,y\n1,\n"),
        ("a.csv", "1,2\n3\n"),
        ("a.csv", "1,nan\n"),
        ("a.json", "{"),
        ("a.json", "[]"),
        ("a.json", "[1, 2]"),
        ("a.json", '[{"x": 1, "y": 2}]'),
        ("a.json", '{"points": [[1, 2]]}'),
        ("a.bin.csv", "\x00\x01"),
    ],
)
def test_unusable(tmp_path: Path, name: str, content: str) -> None:
    path = text(tmp_path / name, content)
    refused(path, read_landmarks, path, path, 2)


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "no.csv", read_landmarks, tmp_path / "no.csv", tmp_path / "no.csv", 2)

import codecs
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pair_helpers import SHARED, image, refused
from pairreg.pair.landmarks import read_landmarks, read_points, write_points

POINTS = [[1.0, 2.5, -3.0], [4.0, 5.0, 6.0]]
RAS = [[-1.0, -2.5, -3.0], [-4.0, -5.0, 6.0]]
GRIDS = {ndim: dict.fromkeys(("fixed", "moving"), image((9, 8, 7)[:ndim])) for ndim in (2, 3)}
SLICER = "# Markups fiducial file version = {}\n# CoordinateSystem = {}\n# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,"
SLICER += "label,desc,associatedNodeID\n"
SLICER_3 = "# Fiducial List file /a.fcsv\n# version = 2\n# columns = label,x,y,z,sel,vis\n"


def fcsv(version: str, system: str, points: list[list[float]]) -> str:
    rows = [f'n_{i},{x},{y},{z},0,0,0,1,1,1,0,"F, {i}",,\n' for i, (x, y, z) in enumerate(points)]
    return SLICER.format(version, system) + "".join(rows)


def markups(system: str | None, points: list[list[float] | None], **more: object) -> str:
    control = [
        {"label": f"F-{i}", "position": p or [0, 0, 0], "positionStatus": "defined" if p else "undefined"}
        for i, p in enumerate(points)
    ]
    one = {"type": "Fiducial", "controlPoints": control, **({"coordinateSystem": system} if system else {}), **more}
    return json.dumps({"@schema": "markups-schema-v1.0.3.json#", "markups": [one]})


def table(separator: str, points: list[list[float]], comma: bool = False) -> str:
    lines = [separator.join(map(str, point)) for point in points]
    return "\n".join(line.replace(".", ",") if comma else line for line in lines) + "\n"


READ = {
    "header": ("a.csv", "x,y,z\n1,2.5,-3\n4,5,6\n"),
    "names": ("a.csv", "name, X, Y, Z\nfirst, 1, 2.5, -3\nsecond, 4, 5, 6\n\n"),
    "names with separators": ("a.csv", 'label,x,y,z\n"a, b",1,2.5,-3\n"c ""d""",4,5,6\n'),
    "units": ("a.csv", "X [mm],Y (mm),z_mm\n1,2.5,-3\n4,5,6\n"),
    "cm": ("a.csv", "x [cm],y [cm],z [cm]\n.1,.25,-.3\n.4,.5,.6\n"),
    "pos": ("a.csv", "id,pos_x,PosY,z_coord\n1,1,2.5,-3\n2,4,5,6\n"),
    "pandas": ("a.csv", ",z,y,x\n0,-3,2.5,1\n1,6,5,4\n"),
    "header says RAS": ("a.csv", "x_ras,y_ras,z_ras\n-1,-2.5,-3\n-4,-5,6\n"),
    "comment says RAS": ("a.csv", "# space: RAS\nx,y,z\n-1,-2.5,-3\n-4,-5,6\n"),
    "savetxt": ("a.txt", "# x y z\n1.0e+00 2.5e+00 -3.0e+00\n4.0e+00 5.0e+00 6.0e+00\n"),
    "labels without header": ("a.csv", "L-1,1,2.5,-3\nL-2,4,5,6\n"),
    "labels behind": ("a.csv", "1,2.5,-3,here\n4,5,6,\n"),
    "no end": ("a.csv", "1,2.5,-3\n4,5,6"),
    "trailing separators": ("a.csv", "x,y,z,\n1,2.5,-3,\n4,5,6,\n"),
    "Windows": ("a.csv", "x,y,z\r\n1,2.5,-3\r\n4,5,6\r\n"),
    "old Mac": ("a.csv", "x,y,z\r1,2.5,-3\r4,5,6\r"),
    "semicolons": ("a.csv", "x;y;z\n1;2.5;-3\n4;5;6\n"),
    "decimal commas": ("a.csv", "name;x;y;z\nü;1,0;2,5;-3\nv;4;5;6\n"),
    "quoted decimal commas": ("a.csv", 'x,y,z\n"1,0","2,5","-3"\n"4","5","6"\n'),
    "tabs and decimal commas": ("a.txt", "1\t2,5\t-3\n4\t5\t6\n"),
    "spaces and decimal commas": ("a.txt", "1,0  2,5   -3,0\n 4,0 5,0 6,0\n"),
    "blanks behind commas": ("a.csv", "1.0, 2.5, -3\n4, 5, 6\n"),
    "blanks behind commas, names": ("a.csv", "x, y, z\n1, 2.5, -3\n4, 5, 6\n"),
    "blanks before commas": ("a.csv", "1 ,2.5 ,-3\n4 ,5 ,6\n"),
    "workspace": ("a.csv", "# workspace: study1\nx,y,z\n1,2.5,-3\n4,5,6\n"),
    "coordinate_space": ("a.csv", "# coordinate_space = RAS\nx,y,z\n-1,-2.5,-3\n-4,-5,6\n"),
    "spaces": ("a", "  1   2.5  -3 \n4 5 6\n"),
    "zeros in t": ("a.csv", "x,y,z,t,label,comment\n1,2.5,-3,0,1,NA\n4,5,6,0,2,NA\n"),
    "elastix point": ("a.txt", "point\n2\n1 2.5 -3\n4 5 6\n"),
    "elastix on Windows": ("a.pts", "Point\r\n2\r\n1 2.5 -3\r\n4 5 6\r\n"),
    "Slicer table": ("a.csv", "label,l,p,s,defined,selected\nF-1,1,2.5,-3,1,1\nF-2,4,5,6,1,1\n"),
    "Slicer table in RAS": ("a.tsv", "label\tr\ta\ts\tdefined\nF-1\t-1\t-2.5\t-3\t1\nF-2\t-4\t-5\t6\t1\n"),
    "Slicer table, undefined": ("a.csv", "label,l,p,s,defined\nF-1,1,2.5,-3,1\nF-2,4,5,6,1\nF-3,0,0,0,0\n"),
    "fcsv 0": ("a.fcsv", fcsv("4.6", "0", RAS)),
    "fcsv 1": ("a.fcsv", fcsv("4.10", "1", POINTS)),
    "fcsv RAS": ("a.fcsv", fcsv("4.11", "RAS", RAS)),
    "fcsv LPS": ("a.csv", fcsv("5.6", "LPS", POINTS)),
    "fcsv of Slicer 3": ("a.fcsv", SLICER_3 + "L-1,-1,-2.5,-3,1,1\nL-2,-4,-5,6,1,1\n"),
    "markups LPS": ("a.mrk.json", markups("LPS", POINTS, coordinateUnits="mm")),
    "markups RAS": ("a.json", markups("RAS", RAS, coordinateUnits=["mm", "UCUM", "millimeter"])),
    "markups, undefined": ("a.mrk.json", markups("LPS", [POINTS[0], None, POINTS[1]])),
    "json": ("a.json", json.dumps(POINTS)),
    "json, both": ("a.json", json.dumps({"space": "LPS", "fixed": POINTS, "moving": POINTS})),
    "json in RAS": ("a.json", json.dumps({"coordinateSystem": "RAS", "fixed": RAS, "moving": RAS})),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize(("name", "content"), READ.values(), ids=READ)
def test_read_and_written_back(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode(encoding))
    for points in read_landmarks(path, str(path), GRIDS[3]):
        np.testing.assert_allclose(points, POINTS, rtol=0, atol=1e-12)
    again = tmp_path / f"again{name}"
    write_points(again, np.array(POINTS), path, "moving", "fixed")
    np.testing.assert_array_equal(read_points(again, "fixed", 3), POINTS)
    assert again.read_bytes().startswith(codecs.BOM_UTF8) == (encoding == "utf-8-sig")
    text, before = (p.read_bytes().decode(encoding) for p in (again, path))
    assert ("\r\n" in text) == ("\r\n" in content)
    kept = [line for line in before.splitlines() if line.startswith("#")]
    assert [line for line in text.splitlines() if line.startswith("#")] == kept
    assert ("RAS" in before, "F-3" in before) == ("RAS" in text, "F-3" in text)


@pytest.mark.parametrize("between", [", ", " ,", " , ", ","])
def test_whole_numbers_behind_commas_have_no_decimal_comma(tmp_path: Path, between: str) -> None:
    """Written back, the commas still separate and the decimals have points."""
    path, again = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text("".join(f"{between.join(row)}\n" for row in (("10", "20", "30"), ("-40", "50", "60"))))
    np.testing.assert_array_equal(read_points(path, "fixed", 3), [[10, 20, 30], [-40, 50, 60]])
    write_points(again, np.array([[12.5, 30.25, 7], [1, 2.5, 3]]), path, "fixed", "fixed")
    np.testing.assert_array_equal(np.loadtxt(again, delimiter=","), [[12.5, 30.25, 7], [1, 2.5, 3]])


PLANE = [
    "x,y\n1,2\n3,4\n",
    "x,y,z,t\n1,2,0,0\n3,4,0,0\n",
    "1 2 0\n3 4 0\n",
    "point\n2\n1 2 0\n3 4 0\n",
    "[[1, 2], [3, 4]]",
]


@pytest.mark.parametrize("content", [*PLANE, markups("RAS", [[-1, -2, 0], [-3, -4, 0]])])
def test_points_of_a_plane(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a"
    path.write_text(content)
    np.testing.assert_array_equal(read_points(path, "fixed", 2), [[1, 2], [3, 4]])
    write_points(tmp_path / "b", np.array([[5.0, 6.0], [7.0, 8.0]]), path, "fixed", "moving")
    np.testing.assert_array_equal(read_points(tmp_path / "b", "moving", 2), [[5, 6], [7, 8]])


def test_indices_count_the_voxels_of_their_own_image(tmp_path: Path) -> None:
    """By SimpleITK; the grid is turned, so that no order of axes or spacings gives the same."""
    path = tmp_path / "a.txt"
    path.write_text("index\n2\n1 2 3\n4 5 6.5\n")
    other = sitk.Image(GRIDS[3]["fixed"])
    other.SetOrigin((0, 0, 0))
    grids = {"fixed": GRIDS[3]["fixed"], "moving": other}
    for points, grid in zip(read_landmarks(path, path, grids), grids.values(), strict=True):
        for point, index in zip(points, [[1, 2, 3], [4, 5, 6.5]], strict=True):
            np.testing.assert_allclose(point, grid.TransformContinuousIndexToPhysicalPoint(index))
    assert "voxel indices" in refused(path, read_points, path, "fixed", 3)


def test_a_point_that_is_undefined_in_one_file_is_left_out_of_both(tmp_path: Path) -> None:
    fixed, moving = tmp_path / "f.mrk.json", tmp_path / "m.fcsv"
    fixed.write_text(markups("LPS", [[1, 1, 1], None, [3, 3, 3]]))
    moving.write_text("label,l,p,s,defined\nF-0,0,0,0,0\nF-1,2,2,2,1\nF-2,4,4,4,1\n")
    found = read_landmarks(fixed, moving, GRIDS[3])
    np.testing.assert_array_equal(found, [[[3, 3, 3]], [[4, 4, 4]]])
    fixed.write_text(markups("LPS", [[1, 1, 1], None, None]))
    assert "defined in both" in refused(moving, read_landmarks, fixed, moving, GRIDS[3])


def test_the_same_names_in_another_order(tmp_path: Path) -> None:
    fixed, moving = tmp_path / "f.csv", tmp_path / "m.csv"
    fixed.write_text("name,x,y\nnose,1,2\near,3,4\n")
    moving.write_text("name,x,y\near,3,4\nnose,1,2\n")
    assert "another order" in refused(moving, read_landmarks, fixed, moving, GRIDS[2])
    moving.write_text("name,x,y\nM1,1,2\nM2,3,4\n")
    assert len(read_landmarks(fixed, moving, GRIDS[2])[0]) == 2


def rows_of(names: str) -> str:
    """A table with a point for each of the names; `-` is none."""
    return "name,x,y\n" + "".join(f"{n.replace('-', '')},{i}.5,2.5\n" for i, n in enumerate(names.split()))


@pytest.mark.parametrize(
    "fixed, moving, first, rows",
    [
        ("A B C", "B C D", "B", (2, 1)),  # another point was deleted from each
        ("A B C D", "A C E D", "C", (3, 2)),
        ("A B", "B A", "A", (1, 2)),
        ("- A B", "A B -", "A", (2, 1)),  # some without a name
        ("X A X", "A X X", "A", (2, 1)),  # some with one name
    ],
)
def test_a_name_that_stands_at_two_places(
    tmp_path: Path, fixed: str, moving: str, first: str, rows: tuple[int, int]
) -> None:
    """Whatever else differs: rows are paired by their place, and names say that this is wrong."""
    paths = tmp_path / "f.csv", tmp_path / "m.csv"
    for path, names in zip(paths, (fixed, moving), strict=True):
        path.write_text(rows_of(names))
    message = refused(paths[0], read_landmarks, *paths, GRIDS[2])
    assert f"{first!r} is number {rows[0]} and number {rows[1]}" in message and str(paths[1]) in message


@pytest.mark.parametrize(
    "fixed, moving", [("M1 M2", "nose ear"), ("A B C", "A D C"), ("X X", "X X"), ("A X X", "A X Y")]
)
def test_names_that_do_not_contradict_the_rows(tmp_path: Path, fixed: str, moving: str) -> None:
    paths = tmp_path / "f.csv", tmp_path / "m.csv"
    for path, names in zip(paths, (fixed, moving), strict=True):
        path.write_text(rows_of(names))
    assert len(read_landmarks(*paths, GRIDS[2])[0]) == len(fixed.split())


def test_a_name_that_stands_at_two_places_in_markups(tmp_path: Path) -> None:
    """Of 3-D Slicer; points that were not placed count as rows, too."""
    fixed, moving = tmp_path / "f.mrk.json", tmp_path / "m.mrk.json"
    fixed.write_text(markups("LPS", [[1, 1, 1], None, [3, 3, 3]]))
    moving.write_text(markups("LPS", [[1, 1, 1], None, [3, 3, 3]]).replace("F-2", "F-3").replace("F-1", "F-2"))
    assert "'F-2' is number 3 and number 2" in refused(moving, read_landmarks, fixed, moving, GRIDS[3])


finite = st.floats(-1e4, 1e4).map(lambda value: round(value, 6) + 0.0)
FORMATS = {
    "comma": lambda points: table(",", points),
    "tab": lambda points: table("\t", points),
    "semicolon, comma": lambda points: "x;y;z\n" + table(";", points, comma=True),
    "space": lambda points: "x y z\n" + table(" ", points),
    "fcsv": lambda points: fcsv("4.11", "RAS", points),
    "markups": lambda points: markups("RAS", points),
    "json": json.dumps,
    "elastix": lambda points: f"point\n{len(points)}\n" + table(" ", points),
}


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=st.lists(st.tuples(finite, finite, finite).map(list), min_size=2, max_size=20))
def test_any_points_in_any_format(tmp_path: Path, form: str, points: list[list[float]]) -> None:
    """Written to the file of other points, read, and written into their own file, which stays as it was."""
    origin, path, again = (tmp_path / f"{name}.txt" for name in ("origin", "path", "again"))
    origin.write_text(FORMATS[form]([[0.5, 1.5, 2.5]] * len(points)))
    write_points(path, np.array(points), origin, "fixed", "fixed")
    np.testing.assert_allclose(read_points(path, "fixed", 3), points, rtol=0, atol=1e-9)
    write_points(again, read_points(path, "fixed", 3), path, "fixed", "fixed")
    assert again.read_bytes() == path.read_bytes()


def test_thousands_of_points(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(20000, 3)).round(6)
    np.savetxt(tmp_path / "a.csv", points, delimiter=",", header="x,y,z", fmt="%.6f")
    np.testing.assert_array_equal(read_points(tmp_path / "a.csv", "fixed", 3), points)


def test_one_file_for_both_images() -> None:
    path = SHARED / "ct_lung_baseline_followup" / "landmarks.json"
    if not path.exists():
        pytest.skip("shared data are absent")
    fixed, moving = read_landmarks(path, path, GRIDS[3])
    assert np.linalg.norm(fixed - moving, axis=1).mean() == pytest.approx(34.856, abs=1e-3)


def test_counts_differ(tmp_path: Path) -> None:
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("1,2\n")
    two.write_text("1,2\n3,4\n")
    message = refused(one, read_landmarks, one, two, GRIDS[2])
    assert "1 fixed" in message and "2 moving" in message
    assert "moving_landmarks" in refused(one, read_landmarks, one, None, GRIDS[2])
    assert "fixed_landmarks" in refused(one, read_landmarks, None, one, GRIDS[2])


UNUSABLE = {
    "empty": ("", "no landmarks"),
    "comments only": ("# nothing\n", "no landmarks"),
    "header only": ("x,y\n", "no landmarks"),
    "other names": ("a,b\n1,2\n", "'a'"),
    "an empty cell": ("x,y\n1,\n", "''"),
    "ragged": ("1 2\n3\n", "point 2"),
    "ragged under a header": ("x,y\n1,2,3\n", "3 cells under 2 names"),
    "NaN": ("x,y\n1,nan\n", "'nan'"),
    "infinite": ("1,1e999\n", "too large"),
    "NaN without names": ("1,nan\n", "1 coordinates"),
    "thousands": ("x,y\n1_000,2\n", "'1_000'"),
    "comma and point": ("x;y\n1,234;2.5\n", "a comma and numbers with a point"),
    "a third coordinate": ("1,2,3\n4,5,6\n", "not 0 beyond 2"),
    "numbered without names": ("1,10,0\n2,20,0\n", "seems to count the rows"),
    "voxels": ("x_voxel,y_voxel\n1,2\n", "voxel indices"),
    "i and j": ("i,j,k\n1,2,3\n", "voxel indices"),
    "twice x": ("x,y,x_mm\n1,2,3\n", "several columns"),
    "two systems": ("# space: LPS\nx_ras,y_ras\n1,2\n", "several coordinate systems"),
    "an unknown system": ("# CoordinateSystem = RAI\nx,y\n1,2\n", "'RAI'"),
    "Slicer without a system": (fcsv("4.11", "", POINTS).replace("# CoordinateSystem = \n", ""), "CoordinateSystem"),
    "Slicer in voxels": (fcsv("4.11", "2", POINTS), "'2'"),
    "an open quote": ('"1,2\n3,4\n', "table"),
    "elastix, too few": ("point\n3\n1 2\n", "says 3"),
    "elastix, thousands of digits": (f"point\n{'9' * 5000}\n1 2\n", "number of points"),
    "elastix, no number": ("point\n1 2\n3 4\n", "number of points"),
    "elastix without its first line": ("2\n1 2\n3 4\n", "point 1"),
    "transformix": ("Point\t0\t; InputIndex = [ 1 2 ]\t; InputPoint = [ 1.0 2.0 ]", "transformix"),
    "open json": ("{", "cannot be read"),
    "deep json": ("[" * 10**5, "cannot be read"),
    "no points in json": ("[]", "no landmarks"),
    "numbers in json": ("[1, 2]", "no table"),
    "objects in json": ('[{"x": 1, "y": 2}]', "cannot be read"),
    "null in json": ("[[1, null]]", "NaN"),
    "other keys in json": ('{"points": [[1, 2]]}', "'fixed'"),
    "markups without a system": (markups(None, POINTS), "coordinateSystem"),
    "markups in metres": (markups("LPS", POINTS, coordinateUnits="m"), "'m'"),
    "two lists of markups": ('{"markups": [{}, {}]}', "2 lists"),
    "no markups": ('{"markups": {}}', "no lists"),
    "markups of another kind": ('{"markups": [3]}', "cannot be read"),
    "zeros": ("\x00\x01\x00", "no text"),
}


@pytest.mark.parametrize(("content", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_unusable(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert message in refused(path, read_landmarks, path, path, GRIDS[2])


def test_no_text(tmp_path: Path) -> None:
    refused(tmp_path / "no.csv", read_landmarks, tmp_path / "no.csv", tmp_path / "no.csv", GRIDS[2])
    refused(tmp_path, read_landmarks, tmp_path, tmp_path, GRIDS[2])
    path = tmp_path / "latin.csv"
    path.write_bytes("größe,1,2\n".encode("latin-1"))
    assert "UTF-8" in refused(path, read_landmarks, path, path, GRIDS[2])

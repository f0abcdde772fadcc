"""Parameter files of elastix against the formulas of its manual; `scripts/check_elastix` asks elastix itself."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import refused
from pairreg.transform_files.read import read_transform
from transform_helpers import at, grid, linear, points_in, smooth

NONE = "NoInitialTransform"
CENTRE = np.array([-100.0, 40.0, 75.0])


def write(path: Path, kind: str, ndim: int, numbers: object, initial: str = NONE, **more: object) -> Path:
    """A file as elastix writes it; lists become several values."""
    values = {
        "FixedImageDimension": ndim,
        "HowToCombineTransforms": "Compose",
        "InitialTransformParameterFileName": initial,
        "MovingImageDimension": ndim,
        "NumberOfParameters": np.size(numbers),
        "Transform": kind,
        "TransformParameters": np.ravel(numbers).tolist(),
        "UseDirectionCosines": "true",
    } | more
    lines = [f"({key} {' '.join(shown(one) for one in np.ravel(value).tolist())})" for key, value in values.items()]
    path.write_text("\n".join([*lines[:3], "", "// ResampleInterpolator specific", *lines[3:]]) + "\n")
    return path


def shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def around(matrix: np.ndarray, shift: list[float], points: np.ndarray) -> np.ndarray:
    """T(x) = A (x - c) + c + t."""
    centre = CENTRE[: points.shape[1]]
    return (points - centre) @ matrix.T + centre + shift


def turn(axis: int, angle: float) -> np.ndarray:
    """The rotation about one axis of space."""
    a, b = [i for i in range(3) if i != axis]
    found = np.eye(3)
    found[[a, b], [a, b]] = np.cos(angle)
    found[a, b] = (1 if axis == 1 else -1) * np.sin(angle)
    found[b, a] = -found[a, b]
    return found


def test_euler_in_3d(tmp_path):
    """The order of the rotations is z, x, y, or with ComputeZYX z, y, x."""
    angles, shift, points = [0.3, -0.4, 0.5], [2.0, -1.0, 3.0], points_in(grid(3, "fixed"))
    x, y, z = (turn(axis, angle) for axis, angle in enumerate(angles))
    for zyx, matrix in (("false", z @ x @ y), ("true", z @ y @ x)):
        more = {"CenterOfRotationPoint": CENTRE, "ComputeZYX": zyx}
        file = write(tmp_path / "t.txt", "EulerTransform", 3, angles + shift, **more)
        for format in (None, "elastix"):
            found = read_transform(file, grid(3, "fixed"), grid(3, "moving"), format)
            np.testing.assert_allclose(at(found, points), around(matrix, shift, points), rtol=0, atol=1e-9)


def test_euler_and_similarity_in_2d(tmp_path):
    points, more = points_in(grid(2, "fixed")), {"CenterOfRotationPoint": CENTRE[:2]}
    matrix = turn(2, 0.4)[:2, :2]
    file = write(tmp_path / "e.txt", "EulerTransform", 2, [0.4, 2.0, -1.0], **more)
    expected = around(matrix, [2.0, -1.0], points)
    np.testing.assert_allclose(at(read_transform(file, None, None), points), expected, rtol=0, atol=1e-9)
    file = write(tmp_path / "s.txt", "SimilarityTransform", 2, [1.1, 0.4, 2.0, -1.0], **more)
    expected = around(1.1 * matrix, [2.0, -1.0], points)
    np.testing.assert_allclose(at(read_transform(file, None, None), points), expected, rtol=0, atol=1e-9)


def test_similarity_in_3d(tmp_path):
    """The first three numbers are the vector of a unit quaternion, the last one is the scale."""
    vector, shift, points = np.array([0.1, -0.2, 0.3]), [2.0, -1.0, 3.0], points_in(grid(3, "fixed"))
    angle = 2 * np.arcsin(np.linalg.norm(vector))
    x, y, z = vector / np.linalg.norm(vector)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = 0.9 * (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
    numbers = [*vector.tolist(), *shift, 0.9]
    file = write(tmp_path / "t.txt", "SimilarityTransform", 3, numbers, CenterOfRotationPoint=CENTRE)
    expected = around(matrix, shift, points)
    np.testing.assert_allclose(at(read_transform(file, None, None), points), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("ndim", [2, 3])
def test_affine_and_translation(tmp_path, ndim):
    rng, points = np.random.default_rng(0), points_in(grid(ndim, "fixed"))
    matrix, shift = np.eye(ndim) + rng.uniform(-0.2, 0.2, (ndim, ndim)), rng.uniform(-3, 3, ndim)
    numbers, centre = [*matrix.ravel(), *shift], {"CenterOfRotationPoint": CENTRE[:ndim]}
    affine = write(tmp_path / "a.txt", "AffineTransform", ndim, numbers, **centre)
    expected = around(matrix, shift.tolist(), points)
    np.testing.assert_allclose(at(read_transform(affine, None, None), points), expected, rtol=0, atol=1e-9)
    translation = write(tmp_path / "t.txt", "TranslationTransform", ndim, shift)
    np.testing.assert_allclose(at(read_transform(translation, None, None), points), points + shift, rtol=0, atol=1e-9)


def cubic(t: np.ndarray) -> np.ndarray:
    t = np.abs(t)
    return np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.where(t < 2, (2 - t) ** 3 / 6, 0))


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("kind", ["BSplineTransform", "RecursiveBSplineTransform"])
def test_bspline(tmp_path, ndim, kind):
    """u(x) is the sum of the control points times a product of cubic B-splines; matrices are written by columns."""
    fixed, size = grid(ndim, "fixed"), (9, 8, 7)[:ndim]
    direction, spacing = np.reshape(fixed.GetDirection(), (ndim, ndim)), np.array([7.0, 4.0, 8.0])[:ndim]
    middle = np.array(fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()]))
    origin = middle - direction @ (spacing * (np.array(size) - 1) / 2)
    values = np.random.default_rng(0).uniform(-2, 2, (ndim, *size[::-1]))
    more = {
        "GridSize": size,
        "GridIndex": [1] * ndim,
        "GridSpacing": spacing,
        "GridOrigin": origin - direction @ spacing,  # of the index 0; the grid begins at 1
        "GridDirection": direction.T,
        "BSplineTransformSplineOrder": 3,
        "UseCyclicTransform": "false",
    }
    file = write(tmp_path / "t.txt", kind, ndim, values, **more)
    points = points_in(fixed)
    index = (points - origin) @ direction / spacing
    weights = [cubic(index[:, axis, None] - np.arange(n)) for axis, n in enumerate(size)]
    moved = points.copy()
    for place in product(*map(range, size)):
        weight = np.prod([weights[axis][:, i] for axis, i in enumerate(place)], axis=0)
        moved += weight[:, None] * values[(slice(None), *place[::-1])]
    found = read_transform(file, fixed, None)
    np.testing.assert_allclose(at(found, points), moved, rtol=0, atol=1e-6)
    assert abs(moved - points).max() > 0.5


def affine_file(path: Path, initial: str = NONE, **more: object) -> Path:
    transform = linear(3)
    numbers = [*transform.GetMatrix(), *transform.GetTranslation()]
    return write(path, "AffineTransform", 3, numbers, initial, CenterOfRotationPoint=transform.GetCenter(), **more)


@pytest.mark.parametrize("key", ["InitialTransformParameterFileName", "InitialTransformParametersFileName"])
@pytest.mark.parametrize("named", ["{folder}/first.txt", "/elsewhere/first.txt", r"C:\study\first.txt", "first.txt"])
def test_a_chain_begins_with_the_file_that_it_goes_on_from(tmp_path, key, named):
    write(tmp_path / "first.txt", "EulerTransform", 3, [0.3, 0.2, 0.1, 1, 2, 3], CenterOfRotationPoint=CENTRE)
    file = affine_file(tmp_path / "last.txt")
    text = file.read_text().replace(NONE, named.format(folder=tmp_path))
    file.write_text(text.replace("InitialTransformParameterFileName", key))
    points = points_in(grid(3, "fixed"))
    first = read_transform(tmp_path / "first.txt", None, None)
    expected = at(linear(3), at(first, points))
    np.testing.assert_allclose(at(read_transform(file, None, None), points), expected, rtol=0, atol=1e-9)
    assert abs(expected - at(first, at(linear(3), points))).max() > 0.1  # the order counts


def test_a_chain_may_begin_with_a_file_of_itk(tmp_path):
    sitk.WriteTransform(smooth(3), str(tmp_path / "first.h5"))
    file, points = affine_file(tmp_path / "last.txt", "first.h5"), points_in(grid(3, "fixed"))
    expected = at(linear(3), at(smooth(3), points))
    np.testing.assert_allclose(at(read_transform(file, grid(3, "fixed"), None), points), expected, rtol=0, atol=1e-9)


def test_of_two_files_of_one_name_none_is_taken(tmp_path, monkeypatch):
    """As in the folders of two patients: a relative name is of the folder that elastix was called in."""
    for patient in "ab":
        (tmp_path / patient).mkdir()
        affine_file(tmp_path / patient / "first.txt")
        affine_file(tmp_path / patient / "last.txt", "first.txt")
    last = tmp_path / "b" / "last.txt"
    monkeypatch.chdir(tmp_path / "a")
    assert "goes on from first.txt, which may be" in refused(last, read_transform, last, None, None)
    for folder in (tmp_path, tmp_path / "b"):
        monkeypatch.chdir(folder)
        assert len(read_transform(last, None, None).GetParameters()) > 0


def test_chains_that_cannot_be_followed(tmp_path):
    missing = affine_file(tmp_path / "a.txt", "none.txt")
    assert "none.txt" in refused(missing, read_transform, missing, None, None)
    circle = affine_file(tmp_path / "b.txt", "c.txt")
    affine_file(tmp_path / "c.txt", "b.txt")
    assert "itself" in refused(circle, read_transform, circle, None, None)
    other = affine_file(tmp_path / "d.txt", "e.txt", HowToCombineTransforms="Multiply")
    affine_file(tmp_path / "e.txt")
    assert "Multiply" in refused(other, read_transform, other, None, None)


def spline_file(path: Path, ndim: int, initial: str = NONE, **more: object) -> Path:
    """A B-spline over the fixed image with displacements of up to 2 mm."""
    fixed = grid(ndim, "fixed")
    size = [n // 4 + 4 for n in fixed.GetSize()]
    spacing = [4 * step for step in fixed.GetSpacing()]
    placed = {
        "BSplineTransformSplineOrder": 3,
        "GridSize": size,
        "GridIndex": [0] * ndim,
        "GridSpacing": spacing,
        "GridOrigin": fixed.TransformContinuousIndexToPhysicalPoint([-6.0] * ndim),
        "GridDirection": np.reshape(fixed.GetDirection(), (ndim, ndim)).T,
    }
    numbers = np.random.default_rng(ndim).uniform(-2, 2, ndim * int(np.prod(size)))
    return write(path, "BSplineTransform", ndim, numbers, initial, **placed, **more)


def linear_file(path: Path, ndim: int, initial: str = NONE, **more: object) -> Path:
    matrix = np.eye(ndim) + np.random.default_rng(1).uniform(-0.2, 0.2, (ndim, ndim))
    numbers, centre = [*matrix.ravel(), *[3.0, -2.0, 1.0][:ndim]], CENTRE[:ndim]
    return write(path, "AffineTransform", ndim, numbers, initial, CenterOfRotationPoint=centre, **more)


ADD = {"HowToCombineTransforms": "Add"}
FILES = {"linear": linear_file, "spline": spline_file}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("kinds", [("linear", "linear"), ("linear", "spline"), ("spline", "linear")], ids="+".join)
def test_transforms_may_be_added(tmp_path, ndim, kinds):
    """T(x) = T0(x) + T1(x) - x, also beyond the grid of the spline."""
    files = [FILES[kind](tmp_path / f"alone{i}.txt", ndim) for i, kind in enumerate(kinds)]
    FILES[kinds[0]](tmp_path / "first.txt", ndim)
    both = FILES[kinds[1]](tmp_path / "last.txt", ndim, "first.txt", **ADD)
    points = np.vstack([points_in(grid(ndim, "fixed")), 1000 * np.eye(ndim)])
    first, last = (at(read_transform(file, None, None), points) for file in files)
    found = at(read_transform(both, grid(ndim, "fixed"), None), points)
    np.testing.assert_allclose(found, first + last - points, rtol=0, atol=1e-9)
    assert abs(found - at(read_transform(files[1], None, None), first)).max() > 0.1  # which composing would give


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_chain_may_add_and_compose(tmp_path, ndim):
    """Linear to linear, a spline to their sum, and a linear one after or beside all."""
    linear_file(tmp_path / "0.txt", ndim)
    write(tmp_path / "1.txt", "TranslationTransform", ndim, [5.0, -4.0, 3.0][:ndim], "0.txt", **ADD)
    spline_file(tmp_path / "2.txt", ndim, "1.txt", **ADD)
    points, spline = points_in(grid(ndim, "fixed")), spline_file(tmp_path / "spline.txt", ndim)
    linear = read_transform(linear_file(tmp_path / "linear.txt", ndim), None, None)
    summed = at(linear, points) + [5.0, -4.0, 3.0][:ndim] + at(read_transform(spline, None, None), points) - points
    for more, expected in (({}, at(linear, summed)), (ADD, at(linear, points) + summed - points)):
        whole = linear_file(tmp_path / "3.txt", ndim, "2.txt", **more)
        np.testing.assert_allclose(at(read_transform(whole, None, None), points), expected, rtol=0, atol=1e-9)


def test_sums_that_itk_cannot_hold_are_refused(tmp_path):
    spline_file(tmp_path / "first.txt", 3)
    two = spline_file(tmp_path / "last.txt", 3, "first.txt", **ADD)
    assert "deformationField" in refused(two, read_transform, two, None, None)
    linear_file(tmp_path / "linear.txt", 3)
    spline_file(tmp_path / "after.txt", 3, "linear.txt")
    late = linear_file(tmp_path / "late.txt", 3, "after.txt", **ADD)
    assert "one B-spline" in refused(late, read_transform, late, None, None)
    half = [*(0.5 * np.eye(3)).ravel(), 0.0, 0.0, 0.0]
    write(tmp_path / "half.txt", "AffineTransform", 3, half, CenterOfRotationPoint=CENTRE)
    flat = write(tmp_path / "flat.txt", "AffineTransform", 3, half, "half.txt", CenterOfRotationPoint=CENTRE, **ADD)
    assert "loses a dimension" in refused(flat, read_transform, flat, None, None)
    spline = spline_file(tmp_path / "spline.txt", 3, "flat.txt", **ADD)
    assert "loses a dimension" in refused(spline, read_transform, spline, None, None)


SPLINE = {
    "BSplineTransformSplineOrder": 3,
    "GridSize": [4, 4, 4],
    "GridIndex": [0] * 3,
    "GridSpacing": [9.0] * 3,
    "GridOrigin": [0.0] * 3,
}


@pytest.mark.parametrize(
    ("kind", "numbers", "more", "word"),
    [
        ("AffineLogTransform", [0.0] * 12, {}, "AffineLogTransform"),
        ("AffineTransform", [1.0] * 11, {"CenterOfRotationPoint": [0, 0, 0]}, "12"),
        ("AffineTransform", [1.0] * 12, {}, "CenterOfRotationPoint"),
        ("AffineTransform", [0.0] * 12, {"CenterOfRotationPoint": [0, 0, 0]}, "determinant"),
        ("TranslationTransform", [1.0, np.inf, 2.0], {}, "TransformParameters"),
        ("TranslationTransform", ["a", "b", "c"], {}, "TransformParameters"),
        ("TranslationTransform", [1.0, 2.0, 3.0], {"MovingImageDimension": 2}, "2 and 3"),
        ("TranslationTransform", [1.0, 2.0, 3.0], {"UseDirectionCosines": "false"}, "UseDirectionCosines"),
        ("TranslationTransform", 3, {"UseBinaryFormatForTransformationParameters": "true"}, "binary"),
        ("BSplineTransform", [0.0] * 100, {**SPLINE, "GridDirection": np.eye(3)}, "192"),
        ("BSplineTransform", [0.0] * 192, SPLINE, "GridDirection"),
        ("BSplineTransform", [0.0] * 192, {**SPLINE, "GridSize": [-4, -4, 4], "GridDirection": np.eye(3)}, "above 0"),
        ("BSplineTransform", [0.0] * 192, {**SPLINE, "GridDirection": np.eye(3), "GridIndex": "a"}, "GridIndex"),
        ("BSplineTransform", [0.0] * 192, {**SPLINE, "GridSpacing": [9, 9, 0], "GridDirection": np.eye(3)}, "pacing"),
        ("BSplineTransform", [0.0] * 192, {"UseCyclicTransform": "true"}, "cyclic"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, kind, numbers, more, word):
    file = write(tmp_path / "t.txt", kind, 3, numbers, **more)
    assert word in refused(file, read_transform, file, None, None)


def test_the_field_of_transformix_is_one_of_itk(tmp_path):
    file = tmp_path / "deformationField.nii.gz"
    sitk.WriteImage(smooth(3).GetDisplacementField(), str(file))
    points = points_in(grid(3, "fixed"))
    found = read_transform(file, grid(3, "fixed"), None, "elastix")
    np.testing.assert_allclose(at(found, points), at(smooth(3), points), rtol=0, atol=1e-4)

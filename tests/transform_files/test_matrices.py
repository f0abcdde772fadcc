"""Matrices of FLIRT and in RAS mm by their definitions; fslpy 3 says the same of the files that are written."""

import numpy as np
import pytest

from pair_helpers import refused
from pairreg.transform_files.read import read_transform
from pairreg.transform_files.write import write_transform, written_format
from transform_helpers import at, grid, linear, points_in, smooth

SIDES = [(False, False), (True, True), (False, True), (True, False)]


def scaled(points, image):
    """FSL's coordinates of LPS points: index times voxel size, the first one from its end in a right-handed image."""
    index = np.array([image.TransformPhysicalPointToContinuousIndex(point) for point in points.tolist()])
    if np.linalg.det(np.reshape(image.GetDirection(), (3, 3))) > 0:
        index[:, 0] = image.GetSize()[0] - 1 - index[:, 0]
    return index * image.GetSpacing()


@pytest.mark.parametrize("mirrored", SIDES)
def test_flirt_leads_from_the_moving_to_the_fixed_image(tmp_path, mirrored):
    fixed, moving = (grid(3, name, side) for name, side in zip(("fixed", "moving"), mirrored, strict=True))
    points = points_in(fixed)
    ends = at(linear(3), points)
    start = np.column_stack([scaled(ends, moving), np.ones(len(ends))])
    pushed = np.linalg.lstsq(start, scaled(points, fixed), rcond=None)[0].T
    file = tmp_path / "theirs.mat"
    np.savetxt(file, np.vstack([pushed, [0, 0, 0, 1]]), fmt="%.12g", delimiter="  ")
    np.testing.assert_allclose(at(read_transform(file, fixed, moving, "fsl"), points), ends, rtol=0, atol=1e-6)
    write_transform(linear(3), tmp_path / "ours.mat", "fsl", fixed, moving)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "ours.mat"), np.loadtxt(file), rtol=0, atol=1e-8)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "ours.mat")[:3] @ start.T, scaled(points, fixed).T, atol=1e-8)


def test_a_matrix_in_ras_leads_from_fixed_to_moving_points(tmp_path):
    points, flip = points_in(grid(3, "fixed")), np.array([-1.0, -1.0, 1.0])
    matrix = np.array([[1.1, 0.2, 0.0, 5.0], [0.0, 0.9, 0.1, -4.0], [0.3, 0.0, 1.0, 2.0], [0, 0, 0, 1]])
    np.savetxt(tmp_path / "affine.txt", matrix)
    expected = ((points * flip) @ matrix[:3, :3].T + matrix[:3, 3]) * flip
    for path in (tmp_path / "affine.txt", f"[{tmp_path}/affine.txt,0]"):
        np.testing.assert_allclose(at(read_transform(path, None, None, "ras"), points), expected, rtol=0, atol=1e-9)


def test_what_cannot_be_meant_is_refused(tmp_path):
    images = grid(3, "fixed"), grid(3, "moving")
    file = tmp_path / "a.mat"
    np.savetxt(file, np.eye(4))
    assert "fsl or ras" in refused(file, read_transform, file, *images)
    assert "moving image" in refused(file, read_transform, file, images[0], None, "fsl")
    assert "3-D images" in refused(file, read_transform, file, grid(2, "fixed"), grid(2, "moving"), "fsl")
    for text in ("1 0 0 0\n0 1 0 0\n0 0 1 0\n", "1 0\n0 1", "", "a b", "nan 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1"):
        file.write_text(text)
        for format in ("fsl", "ras"):
            assert "four rows" in refused(file, read_transform, file, *images, format)
    np.savetxt(file, np.diag([1.0, 1.0, 0.0, 1.0]))
    for format in ("fsl", "ras"):
        assert "determinant" in refused(file, read_transform, file, *images, format)


def test_only_a_linear_transform_in_3d_is_written(tmp_path):
    file = tmp_path / "a.mat"
    pairs = {3: (grid(3, "fixed"), grid(3, "moving")), 2: (grid(2, "fixed"), grid(2, "moving"))}
    assert "linear" in refused(file, write_transform, smooth(3), file, "fsl", *pairs[3])
    assert "3-D" in refused(file, write_transform, linear(2), file, "fsl", *pairs[2])
    assert "moving" in refused(file, write_transform, linear(3), file, "fsl", pairs[3][0], None)
    assert "does not say its format" in refused(file, written_format, file)
    assert list(tmp_path.iterdir()) == []

"""Landmarks that were not meant in LPS mm are refused, with what they were meant as."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

import pairreg
from pair_helpers import image, refused, written
from pairreg.errors import InputError
from pairreg.pair.files import load_pair
from pairreg.pair.landmark_checks import check_inside, check_not_indices
from pairreg.pair.pair import Pair

RAS = np.array([-1.0, -1.0, 1.0])


def physical(grid: sitk.Image, index: np.ndarray) -> np.ndarray:
    return np.array([grid.TransformContinuousIndexToPhysicalPoint(i) for i in index.tolist()])


def scan(ndim: int = 3, spacing: float = 2.5, origin: tuple[float, ...] = (-70.0, -90.0, -500.0)) -> sitk.Image:
    """An image as scanners make them, not centred on the origin."""
    grid = sitk.Image([40, 48, 32][:ndim], sitk.sitkInt16)
    grid.SetSpacing([spacing, spacing, 2 * spacing][:ndim])
    grid.SetOrigin(origin[:ndim])
    return grid


def drawn(grid: sitk.Image, n: int = 30) -> np.ndarray:
    """Indices of voxels all over the image, its corners among them."""
    last = np.array(grid.GetSize()) - 1
    return np.vstack([np.zeros(len(last)), last, np.random.default_rng(0).uniform(0, 1, (n, len(last))) * last])


MEANT = {
    "RAS": (lambda grid, points: points * RAS[: points.shape[1]], "RAS"),
    "voxel indices": (lambda grid, points: drawn(grid), "voxel indices"),
    "voxel indices from 1": (lambda grid, points: drawn(grid) + 1, "voxel indices"),
    "voxel indices z, y, x": (lambda grid, points: drawn(grid)[:, ::-1], "voxel indices"),
    "micrometres": (lambda grid, points: points * 1000, "multiplied by 0.001"),
    "elsewhere": (lambda grid, points: points + 5e5, "check that they are of this image"),
}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(("change", "word"), MEANT.values(), ids=MEANT)
def test_the_usual_causes_are_named(ndim, change, word):
    grid = scan(ndim, origin=(-70.0, 30.0, -500.0))
    points = physical(grid, drawn(grid))
    check_inside(points, grid, "p.csv")
    assert word in refused("p.csv", check_inside, change(grid, points), grid, "p.csv")


def test_metres_of_an_image_far_from_the_origin():
    grid = scan(origin=(300.0, 300.0, 300.0))
    message = refused("p.csv", check_inside, physical(grid, drawn(grid)) / 1000, grid, "p.csv")
    assert "multiplied by 1000 " in message and "32 of its 32" in message


@given(st.integers(2, 3), st.floats(0.2, 9), st.floats(-400, 400), st.floats(-3.1, 3.1), st.integers(1, 20))
def test_points_of_their_image_are_never_refused(ndim, spacing, origin, angle, n):
    """At any place and angle, up to a voxel beyond the edge, with one more anywhere."""
    grid = scan(ndim, spacing, (origin, -origin / 2, origin))
    turn = np.eye(ndim)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    grid.SetDirection(turn.ravel().tolist())
    draw = np.random.default_rng(n)
    points = physical(grid, draw.uniform(-1.4, 0.4, (n, ndim)) + draw.integers(0, 2, (n, ndim)) * grid.GetSize())
    check_inside(points, grid, "p.csv")
    check_inside(np.vstack([points, points[:1] + 1e4]), grid, "p.csv")
    check_not_indices(points + 0.001, grid, "p.csv")


@pytest.mark.parametrize("origin", [(-70.0, -90.0, -500.0), (-20.0, -20.0, -20.0), (0.0, 0.0, 0.0)])
@pytest.mark.parametrize("ndim", [2, 3])
def test_whole_numbers_that_fit_as_indices(ndim, origin):
    """Also where they would lie inside in mm. Where both are one place, nothing is wrong with them."""
    grid = scan(ndim, origin=origin)
    indices = np.round(drawn(grid, 3))[1:]
    assert "voxel indices" in refused("p.csv", check_not_indices, indices, grid, "p.csv")
    check_not_indices(indices + 0.25, grid, "p.csv")
    check_not_indices(indices - 1 - indices.min(), grid, "p.csv")  # one of them is negative
    grid.SetSpacing([1.0] * ndim)
    grid.SetOrigin([0.0] * ndim)
    check_not_indices(indices, grid, "p.csv")


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_files_are_checked(files, tmp_path, side):
    """One landmark beyond the image loads; voxel indices and points elsewhere are refused, by the file's name."""
    grids = {name: sitk.ReadImage(str(path)) for name, path in zip(("fixed", "moving"), files, strict=True)}
    indices = np.full((4, 3), 2.0) + np.arange(4)[:, None]
    good = {name: physical(grid, indices) for name, grid in grids.items()}

    def load(**points: np.ndarray) -> Pair:
        for name, values in (good | points).items():
            np.savetxt(tmp_path / f"{name}.csv", values, delimiter=",")
        return load_pair(*files, **{f"{name}_landmarks": tmp_path / f"{name}.csv" for name in good})

    one = good[side] + np.array([[0.0], [0.0], [0.0], [500.0]])
    np.testing.assert_allclose(getattr(load(**{side: one}), f"{side}_landmarks"), one)
    for wrong, word in ((good[side] + 500, "outside"), (indices, "voxel indices")):
        with pytest.raises(InputError, match=rf"{side}\.csv .*{word}"):
            load(**{side: wrong})


def test_pack_refuses_them(files, pairreg_pack, tmp_path):
    fixed, moving = files
    points = physical(sitk.ReadImage(str(fixed)), np.array([[2.0, 2.0, 2.0], [3.0, 4.0, 5.0]]))
    for name, values in (("good", points), ("bad", points * 1000)):
        np.savetxt(tmp_path / f"{name}.csv", values, delimiter=",")
    header = "case,fixed,moving,fixed_landmarks,moving_landmarks\n"
    (tmp_path / "cases.csv").write_text(header + f"one,{fixed.name},{moving.name},good.csv,bad.csv\n")
    done = pairreg_pack("cases.csv", "cases.h5", cwd=tmp_path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "case 'one'" in done.stderr and "bad.csv has 2 of its 2 landmarks outside" in done.stderr
    assert not (tmp_path / "cases.h5").exists()


def test_register_refuses_a_pair_whose_landmarks_are_elsewhere():
    grid, away = image((24, 20)), np.full((3, 2), 900.0)
    pair = Pair(name="p", fixed=grid, moving=grid, fixed_landmarks=away, moving_landmarks=away)
    with pytest.raises(InputError, match=r"pair 'p': fixed_landmarks has 3 of its 3 landmarks outside"):
        pairreg.register(pair)


def test_landmarks_beyond_the_image_are_carried_by_the_initial_transform(tmp_path: Path):
    """The centres differ by a known translation: beyond the image the error is that of the translation found."""
    values = np.zeros((40, 48), np.float32)
    values[10:25, 12:30] = np.random.default_rng(0).uniform(1, 2, (15, 18))
    fixed = sitk.GetImageFromArray(values)
    moving = sitk.Image(fixed)
    moving.SetOrigin([300.0, -200.0])
    inside, outside = np.array([[12.5, 11.0], [25.0, 20.5]]), np.array([[-500.0, 20.0], [20.0, 700.0]])
    points = np.vstack([inside, outside])
    files = {"fixed": written(tmp_path / "f.nii.gz", fixed), "moving": written(tmp_path / "m.nii.gz", moving)}
    for name, where in (("fixed", points), ("moving", points + [300.0, -200.0])):
        np.savetxt(tmp_path / f"{name}.csv", where, delimiter=",")
        files[f"{name}_landmarks"] = tmp_path / f"{name}.csv"
    schedule = pairreg.build("schedule/single_level", iterations=1)
    result = pairreg.register(
        load_pair(**files), initialization="center_of_mass", transform="displacement", schedule=schedule
    )
    assert result.metrics["tre_points"] == 2 and result.metrics["before/tre_mean"] == pytest.approx(np.hypot(300, 200))
    far = np.array([result.transform.TransformPoint(p) for p in outside.tolist()])
    np.testing.assert_allclose(far, outside + [300.0, -200.0], atol=1e-3)
    assert result.metrics["tre_max"] < 1 and result.metrics["tre_median"] < 1

"""`pairreg-warp` on real runs, and on a run whose transform is a formula."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from command_helpers import only_run
from pairreg import geometry
from pairreg.cli import warp
from pairreg.optimization.history import History
from pairreg.optimization.resampled_pair import resample_pair
from pairreg.pair.landmarks import read_points
from pairreg.pair.pair import Pair
from pairreg.result import Result

DATA = Path(pairreg.__file__).parent / "pair" / "data"
SHORT = ("transform=displacement", "schedule.scales=[8]", "schedule.iterations=[20]", "tracking=none")


@pytest.fixture(scope="module", params=["thorax_ct_2d", pytest.param("thorax_ct_3d", marks=pytest.mark.slow)])
def real(request, pairreg, tmp_path_factory):
    """A short run by the command line, and the folder of its images."""
    folder = tmp_path_factory.mktemp(request.param)
    done = pairreg(f"pair={request.param}", *SHORT, f"output_dir={folder}", cwd=folder)
    assert done.returncode == 0, done.stderr
    return only_run(folder), DATA / request.param


def read(path: Path) -> np.ndarray:
    return geometry.array(sitk.ReadImage(str(path)))


def ok(done):
    assert (done.returncode, done.stderr) == (0, "")


def refused(done, *parts):
    assert done.returncode == 2 and done.stderr.startswith("pairreg-warp: ") and len(done.stderr.splitlines()) == 1
    assert all(part in done.stderr for part in parts), done.stderr


@pytest.mark.slow
def test_the_images_of_the_run_are_reproduced(real, pairreg_warp, tmp_path):
    run, data = real
    ok(pairreg_warp(run, data / "moving.nii.gz", "-o", "image.nii.gz", cwd=tmp_path))
    assert (tmp_path / "image.nii.gz").read_bytes() == (run / "warped.nii.gz").read_bytes()
    labels = data / "moving_labels.nii.gz"
    ok(pairreg_warp(run, labels, "-o", "labels.nii.gz", "--interpolation", "nearest", cwd=tmp_path))
    assert (tmp_path / "labels.nii.gz").read_bytes() == (run / "warped_labels.nii.gz").read_bytes()


def test_label_interpolation_is_the_highest_indicator(real, pairreg_warp, tmp_path):
    run, data = real
    path = data / "moving_labels.nii.gz"
    ok(pairreg_warp(run, path, "-o", "labels.mha", "--interpolation", "label", cwd=tmp_path))
    labels, grid = sitk.ReadImage(str(path)), sitk.ReadImage(str(run / "warped.nii.gz"))
    displacement = sitk.ReadImage(str(run / "displacement.nii.gz"), sitk.sitkVectorFloat64)
    transform = sitk.DisplacementFieldTransform(displacement)
    values = np.unique(geometry.array(labels))
    parts = [
        geometry.array(sitk.Resample(sitk.Cast(labels == int(v), sitk.sitkFloat64), grid, transform, sitk.sitkLinear))
        for v in values
    ]
    carried = read(tmp_path / "labels.mha")
    np.testing.assert_array_equal(carried, values[np.argmax(parts, 0)])
    assert (carried != read(run / "warped_labels.nii.gz")).any()


def test_landmarks_round_trip(real, pairreg_warp, tmp_path):
    run, _ = real
    grid = sitk.ReadImage(str(run / "warped.nii.gz"))
    shape = np.array(grid.GetSize())
    index = np.random.default_rng(0).uniform(0.3, 0.7, (40, len(shape))) * shape
    fixed = np.array([grid.TransformContinuousIndexToPhysicalPoint(i.tolist()) for i in index])
    axes = list("xyz"[: len(shape)])
    with (tmp_path / "fixed.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["Name", *axes], *([f"p{i}", *p] for i, p in enumerate(fixed.tolist()))])
    ok(pairreg_warp(run, "fixed.csv", "-o", "moving.csv", "--inverse", cwd=tmp_path))
    ok(pairreg_warp(run, "moving.csv", "-o", "back.csv", cwd=tmp_path))
    ok(pairreg_warp(run, "back.csv", "-o", "again.csv", "--inverse", cwd=tmp_path))
    names = ("fixed", "moving", "back", "again")
    tables = {name: list(csv.reader((tmp_path / f"{name}.csv").read_text().splitlines())) for name in names}
    points = {name: np.array([row[1:] for row in rows[1:]], float) for name, rows in tables.items()}
    assert tables["back"][0] == ["Name", *axes] and tables["back"][7][0] == "p6"
    assert np.linalg.norm(points["moving"] - fixed, axis=1).mean() > 1
    assert np.linalg.norm(points["again"] - points["moving"], axis=1).max() < 0.01
    # where the field folds, several points lead to one: only the others have to come back to where they were
    determinant = sitk.ReadImage(str(run / "jacobian.nii.gz"))
    near = [sitk.GetArrayFromImage(sitk.Crop(determinant, *margins(i, shape))).min() > 0.1 for i in index]
    assert sum(near) > 20
    assert np.linalg.norm(points["back"] - fixed, axis=1)[near].max() < 0.05


def margins(index: np.ndarray, shape: np.ndarray) -> tuple[list[int], list[int]]:
    """What to crop so that 8 voxels on each side are left."""
    lower = np.maximum(index - 8, 0).astype(int)
    return lower.tolist(), (shape - np.minimum(lower + 17, shape)).tolist()


@pytest.fixture(scope="module", params=[2, 3])
def known(request, tmp_path_factory):
    """A run folder with `y = b + 1.2 (x + u(x))`, u smooth; images of unlike grids, the fixed one turned."""
    ndim = request.param
    fixed = sitk.GetImageFromArray(np.random.default_rng(0).random((40, 44, 48)[:ndim]).astype(np.float32))
    fixed.SetSpacing((1.5, 2.0, 1.25)[:ndim])
    fixed.SetOrigin((-30.0, 5.0, 11.0)[:ndim])
    turn = np.eye(ndim)
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    fixed.SetDirection(turn.ravel().tolist())
    grid = np.stack(np.meshgrid(*[np.linspace(0, np.pi, n) for n in fixed.GetSize()[::-1]], indexing="ij"), -1)
    field = np.stack([3 * np.prod(np.sin(grid), -1) * np.cos(grid[..., d] + d) for d in range(ndim)], -1)
    middle = fixed.TransformContinuousIndexToPhysicalPoint([s / 2 for s in fixed.GetSize()])
    initial = sitk.AffineTransform(ndim)
    initial.Scale(1.2)
    initial.SetCenter(middle)
    initial.SetTranslation([4.0, -3.0, 2.0][:ndim])
    size = 100
    spacing = 1.2
    moving = sitk.Image([size] * ndim, sitk.sitkFloat32)
    moving.SetSpacing([spacing] * ndim)
    moving.SetOrigin([m - size * spacing / 2 for m in middle])
    distance = (geometry.voxel_points(moving) - middle) / 9
    moving = geometry.image(np.exp(-(distance**2).sum(-1) / 2).astype(np.float32) * 1000, moving)
    folder = tmp_path_factory.mktemp(f"known{ndim}") / "run"
    pair = Pair(name="known", fixed=fixed, moving=moving)
    history = History([])
    history.append(np.ones((1, 2)), level=1)  # an iteration to draw
    result = Result(pair, resample_pair(pair, initial), field.astype(np.float32), None, history)
    result.save(folder)
    sitk.WriteImage(moving, str(folder.parent / "activity.nrrd"))
    return folder, moving


@pytest.fixture
def here(monkeypatch, capsys):
    """The command within this process, which is quicker."""

    def call(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr("sys.argv", ["pairreg-warp", *map(str, arguments)])
        try:
            warp.main()
            code = 0
        except SystemExit as exit:
            code = exit.code
        return subprocess.CompletedProcess(arguments, code, stderr=capsys.readouterr().err)

    return call


def total(image: sitk.Image) -> float:
    return float(geometry.array(image).sum() * np.prod(image.GetSpacing()))


def test_an_unfinished_run_is_refused(known, here, tmp_path):
    folder, _ = known
    unfinished = shutil.copytree(folder, tmp_path / "run")
    (unfinished / "result.json").unlink()
    refused(here(unfinished, folder.parent / "activity.nrrd", "-o", "o.nii", cwd=tmp_path), "has no result.json")
    assert not (tmp_path / "o.nii").exists()


def test_activity_is_kept(known, here, tmp_path):
    """On the grid of the fixed image, which is turned, and on one that is finer and reaches further."""
    folder, moving = known
    finer = sitk.Image([120] * moving.GetDimension(), sitk.sitkUInt8)
    finer.SetSpacing([0.9] * moving.GetDimension())
    finer.SetOrigin([c - 54 for c in np.add(moving.GetOrigin(), 60)])
    sitk.WriteImage(finer, str(tmp_path / "finer.nii.gz"))
    for grid in ("fixed", "finer.nii.gz"):
        for mass in ((), ("--mass-preserving",)):
            activity = folder.parent / "activity.nrrd"
            ok(here(folder, activity, "-o", "o.nrrd", "--grid", grid, *mass, cwd=tmp_path))
            carried = sitk.ReadImage(str(tmp_path / "o.nrrd"))
            assert grid == "fixed" or carried.GetSize() == finer.GetSize()
            change = abs(total(carried) / total(moving) - 1)
            assert change < 0.01 if mass else change > 0.1


def test_a_grid_that_reaches_further(known, here, tmp_path):
    """Far outside the fixed image the result is the moving image under the initial transform: a closed form."""
    folder, moving = known
    ndim = moving.GetDimension()
    transform = sitk.CompositeTransform(sitk.ReadTransform(str(folder / "transform.h5")))
    matrix, offset = geometry.linear_part(transform.GetNthTransform(0), ndim)
    slopes = np.arange(1.0, ndim + 1)
    ramp = geometry.image((geometry.voxel_points(moving) @ slopes).astype(np.float32), moving)
    sitk.WriteImage(ramp, str(tmp_path / "ramp.mha"))
    fixed = sitk.ReadImage(str(folder / "warped.nii.gz"))
    grid = sitk.Image([48] * ndim, sitk.sitkUInt8)
    grid.SetSpacing([3.0] * ndim)
    grid.SetOrigin(np.subtract(moving.GetOrigin(), 12.0).tolist())
    sitk.WriteImage(grid, str(tmp_path / "grid.nii.gz"))
    ok(here(folder, "ramp.mha", "-o", "o.mha", "--grid", "grid.nii.gz", cwd=tmp_path))
    found, at = read(tmp_path / "o.mha"), geometry.voxel_points(grid)
    ends = at @ matrix.T + offset
    index = (ends - moving.GetOrigin()) / moving.GetSpacing()
    covered = ((index > 2) & (index < np.array(moving.GetSize()) - 3)).all(-1)  # with the whole of a voxel of 3 mm
    flat = at.reshape(-1, ndim)
    far = ~geometry.inside(flat, fixed, margin=10).reshape(covered.shape)  # it fades over a tenth of 44 voxels at most
    np.testing.assert_allclose(found[far & covered], (ends @ slopes)[far & covered], atol=1e-3)
    assert (far & covered).sum() > 50 and (~far & covered).sum() > 100
    near = np.array([transform.TransformPoint(p) for p in flat.tolist()]).reshape(at.shape) @ slopes
    # the mean over a voxel and the value at its centre are not quite the same where the field bends or begins to fade
    np.testing.assert_allclose(found[covered & ~far], near[covered & ~far], atol=0.6)  # .16 mm


def test_a_run_without_the_file_of_its_transform(known, here, tmp_path):
    """Runs of before: field and displacement hold the same."""
    folder, moving = known
    old = shutil.copytree(folder, tmp_path / "old")
    (old / "transform.h5").unlink()
    np.savetxt(tmp_path / "p.csv", np.add(moving.GetOrigin(), [[60.0], [55.0], [-300.0]]), delimiter=",")
    for name, run in (("a", folder), ("b", old)):
        ok(here(run, folder.parent / "activity.nrrd", "-o", f"{name}.nrrd", cwd=tmp_path))
        ok(here(run, "p.csv", "-o", f"{name}.csv", "--inverse", cwd=tmp_path))
    np.testing.assert_allclose(read(tmp_path / "b.nrrd"), read(tmp_path / "a.nrrd"), atol=1e-2)
    np.testing.assert_allclose(*(np.loadtxt(tmp_path / f"{name}.csv", delimiter=",") for name in "ab"), atol=1e-4)


def test_a_damaged_transform_is_refused(known, here, tmp_path):
    folder, _ = known
    broken = shutil.copytree(folder, tmp_path / "run")
    whole = (broken / "transform.h5").read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        (broken / "transform.h5").write_bytes(content)
        refused(here(broken, folder.parent / "activity.nrrd", "-o", "o.nii", cwd=tmp_path), "transform.h5 cannot be")


def test_points_in_json_keep_their_layout(known, here, tmp_path):
    folder, moving = known
    centre = np.add(moving.GetOrigin(), 60.0)
    content = {"space": "LPS", "moving": [(centre + 3).tolist(), (centre - 5).tolist()]}
    (tmp_path / "p.json").write_text(json.dumps(content))
    ok(here(folder, "p.json", "-o", "q.json", cwd=tmp_path))
    ok(here(folder, "q.json", "-o", "r.json", "--inverse", cwd=tmp_path))
    carried, back = (json.loads((tmp_path / f"{name}.json").read_text()) for name in "qr")
    assert carried["space"] == "LPS" and carried["moving"] == content["moving"]
    transform = sitk.DisplacementFieldTransform(
        sitk.ReadImage(str(folder / "displacement.nii.gz"), sitk.sitkVectorFloat64)
    )
    there = [transform.TransformPoint(p) for p in carried["fixed"]]
    np.testing.assert_allclose(there, content["moving"], atol=0.01)
    np.testing.assert_allclose(back["moving"], content["moving"], atol=0.01)


@pytest.mark.parametrize("form", ["fcsv", "mrk.json", "txt", "tsv"])
def test_points_keep_the_format_and_the_system_of_their_file(known, here, tmp_path, form):
    """Two points in LPS come back as they went out; the files of Slicer say RAS throughout."""
    folder, moving = known
    ndim = moving.GetDimension()
    points = np.zeros((2, 3))
    points[:, :ndim] = np.add(moving.GetOrigin(), 60.0) + [[3], [-5]]
    ras = (points * [-1, -1, 1]).tolist()
    texts = {
        "fcsv": "# CoordinateSystem = 0\n# columns = label,x,y,z\n"
        + "".join(f'"F, {i}",{x},{y},{z}\n' for i, (x, y, z) in enumerate(ras)),
        "mrk.json": json.dumps(
            {"markups": [{"coordinateSystem": "RAS", "controlPoints": [{"position": p} for p in ras]}]}
        ),
        "txt": "point\n2\n" + "".join(" ".join(map(str, p[:ndim])) + "\n" for p in points.tolist()),
        "tsv": "label\tl\tp\ts\n" + "".join("F\t" + "\t".join(map(str, p)) + "\n" for p in points.tolist()),
    }
    (tmp_path / f"p.{form}").write_text(texts[form])
    ok(here(folder, f"p.{form}", "-o", f"q.{form}", cwd=tmp_path))
    ok(here(folder, f"q.{form}", "-o", f"r.{form}", "--inverse", cwd=tmp_path))
    transform = sitk.DisplacementFieldTransform(
        sitk.ReadImage(str(folder / "displacement.nii.gz"), sitk.sitkVectorFloat64)
    )
    carried, back = (read_points(tmp_path / f"{name}.{form}", "moving", ndim) for name in "qr")
    np.testing.assert_allclose([transform.TransformPoint(p) for p in carried.tolist()], points[:, :ndim], atol=0.01)
    np.testing.assert_allclose(back, points[:, :ndim], atol=0.01)
    said = {"fcsv": "CoordinateSystem = 0", "mrk.json": '"RAS"', "txt": "point\n2\n", "tsv": "label\tl\tp\ts"}
    assert said[form] in (tmp_path / f"q.{form}").read_text()


def test_voxel_indices_need_their_image(known, here, tmp_path):
    folder, moving = known
    (tmp_path / "p.txt").write_text("index\n1\n" + "1 " * moving.GetDimension())
    refused(here(folder, "p.txt", "-o", "q.txt", cwd=tmp_path), "p.txt holds voxel indices")


def test_points_beyond_the_fixed_image_follow_the_initial_transform(known, here, tmp_path):
    folder, moving = known
    ndim = moving.GetDimension()
    matrix, offset = geometry.linear_part(
        sitk.CompositeTransform(sitk.ReadTransform(str(folder / "transform.h5"))).GetNthTransform(0), ndim
    )
    fixed = np.add(moving.GetOrigin(), [[900.0] * ndim, [-500.0] * ndim, [60.0] * ndim])
    np.savetxt(tmp_path / "p.csv", fixed, delimiter=",")
    ok(here(folder, "p.csv", "-o", "q.csv", "--inverse", cwd=tmp_path))
    ok(here(folder, "q.csv", "-o", "r.csv", cwd=tmp_path))
    moved, back = (np.loadtxt(tmp_path / name, delimiter=",") for name in ("q.csv", "r.csv"))
    np.testing.assert_allclose(moved[:2], fixed[:2] @ matrix.T + offset, atol=1e-5)
    np.testing.assert_allclose(back, fixed, atol=0.02)


REFUSED = {
    "missing image": (("no.nii", "-o", "o.nii"), "no.nii does not exist"),
    "no output": (("IMAGE",), "-o"),
    "unknown format": (("IMAGE", "-o", "o.png"), "o.png"),
    "no folder": (("IMAGE", "-o", "nowhere/o.nii"), "nowhere"),
    "other interpolation": (("IMAGE", "-o", "o.nii", "--interpolation", "cubic"), "'cubic'"),
    "mass of labels": (("IMAGE", "-o", "o.nii", "--mass-preserving", "--interpolation", "label"), "use linear"),
    "fractional labels": (("IMAGE", "-o", "o.nii", "--interpolation", "label"), "whole numbers"),
    "inverse of an image": (("IMAGE", "-o", "o.nii", "--inverse"), "--inverse is for lists of points"),
    "grid for points": (("p.csv", "-o", "o.csv", "--grid", "IMAGE"), "--grid is for images"),
    "other layout": (("p.csv", "-o", "o.json"), "ends in .csv"),
    "other dimension": (("other.nii.gz", "-o", "o.nii"), "-D, the run"),
    "elsewhere": (("away.nii.gz", "-o", "o.nii"), "does not meet the fixed image"),
    "grid elsewhere": (("IMAGE", "-o", "o.nii", "--grid", "away.nii.gz"), "does not meet away.nii.gz"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_sentence_and_leaves_nothing(known, here, tmp_path, arguments, message):
    folder, moving = known
    (tmp_path / "p.csv").write_text("1,2,3"[: 2 * moving.GetDimension() - 1])
    sitk.WriteImage(sitk.Image([5] * (5 - moving.GetDimension()), sitk.sitkUInt8), str(tmp_path / "other.nii.gz"))
    away = sitk.Image(moving)
    away.SetOrigin([4000.0] * moving.GetDimension())
    sitk.WriteImage(away, str(tmp_path / "away.nii.gz"))
    before = set(tmp_path.rglob("*"))
    image = folder.parent / "activity.nrrd"
    refused(here(folder, *(image if a == "IMAGE" else a for a in arguments), cwd=tmp_path), message)
    assert set(tmp_path.rglob("*")) == before

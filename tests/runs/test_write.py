"""The run folder of a pair with different grids and an affine initialisation."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pair_helpers import image, written
from pairreg import geometry
from pairreg.runs.read import Run
from pairreg.schedule.single_level import SingleLevel


@pytest.fixture(scope="module", params=["thorax_ct_2d", "thorax_ct_3d"])
def run(request, tmp_path_factory):
    """The 2-D pair has two grids; the 3-D one gets a second grid: turned, anisotropic and with another spacing."""
    pair = pairreg.build(f"pair/{request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    if pair.ndim == 3:
        pair = turned(pair)
    result = pairreg.register(
        pair,
        transform=pairreg.build("transform/displacement", stride=4),
        initialization="affine",
        similarity="ncc",
        schedule=SingleLevel(iterations=25),
    )
    result.save(folder, {"seed": 0})
    return result, folder


def turned(pair):
    import dataclasses

    grid = sitk.Image([60, 44, 40], sitk.sitkFloat32)
    grid.SetSpacing([6.0, 6.5, 9.0])
    turn = sitk.Euler3DTransform([0.0, 0.0, 0.0], 0.05, -0.1, 0.1)
    grid.SetDirection(turn.GetMatrix())
    centre = np.array(pair.moving.TransformContinuousIndexToPhysicalPoint([s / 2 for s in pair.moving.GetSize()]))
    half = np.reshape(turn.GetMatrix(), (3, 3)) @ (np.array(grid.GetSize()) * grid.GetSpacing() / 2)
    grid.SetOrigin((centre - half).tolist())
    identity = sitk.Transform(3, sitk.sitkIdentity)
    return dataclasses.replace(
        pair,
        moving=geometry.resample(pair.moving, grid, identity, fill=-1000),
        moving_labels=geometry.resample(pair.moving_labels, grid, identity, nearest=True),
        channels={"activity": geometry.resample(pair.moving, grid, identity, fill=-1000)},
    )


@pytest.mark.slow
def test_simpleitk_reproduces_the_warped_image_from_the_files(run, tmp_path):
    """The displacement on disk holds everything, the initialisation included."""
    result, folder = run
    sitk.WriteImage(result.pair.moving, str(tmp_path / "moving.nii.gz"))
    moving = sitk.ReadImage(str(tmp_path / "moving.nii.gz"))
    displacement = sitk.ReadImage(str(folder / "displacement.nii.gz"), sitk.sitkVectorFloat64)
    warped = sitk.ReadImage(str(folder / "warped.nii.gz"))
    again = sitk.Resample(
        moving, warped, sitk.DisplacementFieldTransform(displacement), sitk.sitkLinear, geometry.minimum(moving)
    )
    span = np.ptp(geometry.array(moving))
    inner = (slice(2, -2),) * result.pair.ndim
    difference = abs(geometry.array(again) - geometry.array(warped))[inner]
    assert difference.max() < 1e-3 * span
    assert not np.allclose(geometry.array(warped), geometry.array(moving).min())
    initial = geometry.linear_part(result.prepared.initial, result.pair.ndim)
    assert not np.allclose(initial[1], 0)


def test_jacobian_is_that_of_the_displacement_file(run):
    _, folder = run
    displacement = sitk.ReadImage(str(folder / "displacement.nii.gz"), sitk.sitkVectorFloat64)
    if displacement.GetDimension() == 3:
        # SimpleITK's filter takes the derivative along the image axes, not along x, y, z: turn the vectors to them
        direction = np.reshape(displacement.GetDirection(), (3, 3))
        vectors = geometry.array(displacement) @ direction
        displacement = geometry.image(vectors, displacement, vector=True)
        displacement.SetDirection(np.eye(3).ravel().tolist())
    expected = geometry.array(sitk.DisplacementFieldJacobianDeterminant(displacement))
    written = geometry.array(sitk.ReadImage(str(folder / "jacobian.nii.gz")))
    inner = (slice(2, -2),) * expected.ndim
    np.testing.assert_allclose(written[inner], expected[inner], atol=2e-3)


def test_every_file_is_there_and_reads_back(run):
    result, folder = run
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    expected = {"result.h5", "warped.nii.gz", "displacement.nii.gz", "jacobian.nii.gz", "warped_labels.nii.gz"}
    expected |= {"metrics.json", "history.csv", "result.json", "transform.h5"}
    expected |= {f"figures/{name}.png" for name in ("overview", "grid", "curves")}
    assert expected | {f"warped_{name}.nii.gz" for name in result.pair.channels} == names
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics == json.loads((folder / "result.json").read_text())["metrics"]
    assert metrics["before/dice_mean"] < metrics["dice_mean"]
    with h5py.File(folder / "result.h5") as file:
        np.testing.assert_array_equal(file["field"], result.field)
        np.testing.assert_array_equal(file["warped"], geometry.array(sitk.ReadImage(str(folder / "warped.nii.gz"))))
        np.testing.assert_array_equal(file["history/loss"], result.history["loss"])
        assert json.loads(file.attrs["config"]) == {"seed": 0}
        assert json.loads(file.attrs["provenance"])["version/tensorflow"]
    curves = np.genfromtxt(folder / "history.csv", delimiter=",", names=True, deletechars="")
    np.testing.assert_allclose(
        curves["similarityncc"] if "similarityncc" in curves.dtype.names else curves["similarity/ncc"],
        result.history["similarity/ncc"],
    )


def test_labels_keep_their_values_and_channels_are_carried(run):
    result, folder = run
    labels = geometry.array(sitk.ReadImage(str(folder / "warped_labels.nii.gz")))
    assert set(np.unique(labels)) <= set(np.unique(geometry.array(result.pair.moving_labels)))
    for name in result.pair.channels:
        carried = geometry.array(sitk.ReadImage(str(folder / f"warped_{name}.nii.gz")))
        np.testing.assert_array_equal(carried, result.warped)


def test_saving_again_fails_without_harm_and_an_unfinished_folder_has_no_result(run, tmp_path, monkeypatch):
    result, _ = run
    result.save(tmp_path / "kept")
    before = (tmp_path / "kept" / "result.json").read_bytes()
    monkeypatch.setattr("pairreg.runs.write.write_arrays", lambda *_: 1 / 0)
    for name in ("kept", "new"):
        with pytest.raises(ZeroDivisionError):
            result.save(tmp_path / name)
    assert (tmp_path / "kept" / "result.json").read_bytes() == before
    assert not (tmp_path / "new" / "result.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "new"]


def test_what_the_figures_show_can_be_read_back(run):
    result, folder = run
    kept, read = result.figure_arrays, Run(folder).figure_arrays
    for name in ("fixed", "moving", "warped"):
        np.testing.assert_allclose(getattr(read, name), getattr(kept, name), atol=5e-4)
    for name in ("fixed_labels", "moving_labels", "warped_labels", "field"):
        np.testing.assert_array_equal(getattr(read, name), getattr(kept, name))
    assert (read.spacing, read.name, read.label_names) == (kept.spacing, kept.name, dict(kept.label_names))


def test_figures_show_the_channels_as_their_files(run):
    result, folder = run
    kept = Run(folder).figure_arrays
    assert set(kept.channels) == set(result.pair.channels)
    for name, values in kept.channels.items():
        np.testing.assert_allclose(values, geometry.array(sitk.ReadImage(str(folder / f"warped_{name}.nii.gz"))))


def test_the_true_displacement_lies_beside_the_found_one(tmp_path):
    pair = pairreg.build("pair/phantom_2d", size=[64, 48], spacing=6.4)
    pairreg.register(pair, transform="displacement", schedule=SingleLevel(iterations=2)).save(tmp_path / "new" / "run")
    truth = sitk.ReadImage(str(tmp_path / "new" / "run" / "true_displacement.nii.gz"))
    np.testing.assert_allclose(geometry.array(truth), geometry.array(pair.true_displacement), atol=1e-4)


def demons(pair):
    method = pairreg.build("method/demons", shrink=[4], iterations=[1])
    return pairreg.register(pair, method=method, initialization="none")


@pytest.fixture
def files(tmp_path):
    """A fixed image with its voxels in a file of their own, and a moving one."""
    (tmp_path / "data").mkdir()
    found = (
        written(tmp_path / "data/f.mhd", image((24, 20))),
        written(tmp_path / "data/m.nii.gz", image((24, 20), seed=1)),
    )
    return dict(zip(("fixed", "moving"), found, strict=True))


@pytest.mark.parametrize(("name", "inside"), [(".", "run"), ("..", "run/sub"), ("run/../run", ""), ("~/run", "sub")])
def test_a_result_is_saved_in_any_folder_that_a_shell_knows(name, inside, files, tmp_path, monkeypatch):
    """Twice, as a cell of a notebook is run again; the process works on in the folder in which it was."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    run = tmp_path / "home/run"
    here = run.parent / inside
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    result = demons(pairreg.load_pair(**files))
    result.save(name)
    (run / "mine.txt").write_text("kept")
    assert Run.complete(run).metrics == result.metrics
    if name != "..":  # the folder in which the process works goes with the earlier result
        result.save(name)
        assert Path.cwd() == here
    assert Run.complete(run).metrics == result.metrics and (run / "mine.txt").read_text() == "kept"
    assert not [path for path in run.parent.iterdir() if path.suffix in (".new", ".old")]


def digests(folder):
    return {one.name: one.digest for one in Run(folder).inputs.values()}


@pytest.mark.parametrize("change", ["another folder", "gone", "replaced", "data replaced"])
def test_a_pair_is_saved_as_it_was_read_whatever_becomes_of_its_files(change, files, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    result = demons(pairreg.load_pair(fixed="data/f.mhd", moving="data/m.nii.gz"))
    result.save(tmp_path / "before")
    if change == "another folder":
        monkeypatch.chdir(tmp_path / "data")
    elif change == "gone":
        shutil.rmtree(tmp_path / "data")
    else:
        other = written(tmp_path / "other.mhd", image((24, 20), seed=2))
        copied = "mhd" if change == "replaced" else "raw"
        shutil.copy(other.with_suffix(f".{copied}"), tmp_path / f"data/f.{copied}")
    result.save(tmp_path / "after")
    changed = {"another folder": [], "gone": ["data/f.mhd", "data/m.nii.gz"]}.get(change, ["data/f.mhd"])
    assert [record.getMessage().partition(" has changed since it was read")[0] for record in caplog.records] == changed
    before, after = digests(tmp_path / "before"), digests(tmp_path / "after")
    names = {"data/f.mhd": "pair.fixed", "data/m.nii.gz": "pair.moving"}
    assert {name for name in before if before[name] != after[name]} == {names[path] for path in changed}
    if change != "another folder":  # what was read is known by its voxels, and not taken for what is there now
        again = tmp_path / "again"
        result.save(again)
        assert digests(again) == after

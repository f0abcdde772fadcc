"""The scan of runs as the command leaves them, and the figure of two of them."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from command_helpers import Command, only_run
from pairreg import geometry
from pairreg.errors import InputError
from pairreg.image_files import write_image
from pairreg.pair.phantom.pair import make_grid, phantom
from pairreg.pair.phantom.torso import label_names
from pairreg.report.figures.draw import draw_figure, prepare_figure
from pairreg.runs.read import Run
from pairreg.spect import scan

QUICK = ("tracking=none", "transform=displacement", "schedule.scales=[8]", "schedule.iterations=[3]")
CHEST = ("pair=phantom_3d", "pair.size=[56,40,32]", "pair.spacing=6.5", "pair.level=200")
BONES = [label for label, name in label_names().items() if name in scan.BONES]
FILES = ["lesions.csv", "lesions.nii.gz", "spect.nii.gz", "spect_lesions.nii.gz"]


@pytest.fixture(scope="module")
def chest(pairreg: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_folder(pairreg, tmp_path_factory.mktemp("chest"), *CHEST)


def run_folder(pairreg: Command, cwd: Path, *options: str) -> Path:
    done = pairreg(*options, *QUICK, "initialization=none", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return only_run(cwd)


def read(path: Path) -> np.ndarray:
    return geometry.array(sitk.ReadImage(str(path)))


def test_a_scan_and_its_truth(pairreg_spect: Command, chest: Path) -> None:
    done = pairreg_spect(chest, "--lesions", 2, "--seed", 7, "--counts", 1e9, cwd=chest)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    folder = chest / "spect"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    rows = list(csv.DictReader((folder / "lesions.csv").read_text().splitlines()))
    lesions, fixed = sitk.ReadImage(str(folder / "lesions.nii.gz")), sitk.ReadImage(str(chest / "warped.nii.gz"))
    mask, labels = geometry.array(lesions), read(chest / "warped_labels.nii.gz")
    assert lesions.GetOrigin() == fixed.GetOrigin() and mask.shape == labels.shape
    assert np.isin(labels[mask > 0], BONES).all() and len(rows) == mask.max() == 2
    plain, hot = (read(folder / f"{name}.nii.gz") for name in ("spect", "spect_lesions"))
    activity = read(chest / "warped_activity.nii.gz")
    uptake = float(np.median(activity[np.isin(labels, BONES)]))
    for i, row in enumerate(rows, start=1):
        voxels = np.argwhere(mask == i)
        centre = lesions.TransformContinuousIndexToPhysicalPoint(voxels.mean(axis=0)[::-1].tolist())
        assert [float(row[axis]) for axis in "xyz"] == pytest.approx(centre, abs=0.06)
        assert float(row["volume_cc"]) == pytest.approx(len(voxels) * 6.5**3 / 1000, abs=1e-3)
        assert 3.5 <= float(row["contrast_to_bone"]) <= 4.5
        near = (
            np.linalg.norm((np.indices(mask.shape).T - voxels.mean(axis=0)) * 6.5, axis=-1).T < 25
        )  # mm, farther than the blur
        added = (float(row["contrast_to_bone"]) * uptake - activity)[mask == i].sum()
        assert (hot - plain)[near].sum() == pytest.approx(added, rel=0.15), "all that was added"
    assert plain.sum() == pytest.approx(activity.sum(), rel=0.05)


def test_the_same_seed_gives_the_same_bytes(pairreg_spect: Command, chest: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert pairreg_spect(chest, "--counts", 1e5, "-o", tmp_path / name, cwd=tmp_path).returncode == 0
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_measured_scan_in_a_named_folder_is_not_replaced(pairreg_spect: Command, chest: Path, tmp_path: Path) -> None:
    (tmp_path / "spect.nii.gz").write_bytes(b"measured")
    arguments = (chest, "--counts", 1e5, "-o", tmp_path)
    done = pairreg_spect(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and "spect.nii.gz is there already" in done.stderr, done.stderr
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"measured"]
    assert pairreg_spect(*arguments, "--force", cwd=tmp_path).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_a_scan_reads_back(chest: Path, tmp_path: Path) -> None:
    simulated = scan.scan(chest, counts=1e5, seed=3)
    simulated.save(scan.scan_folder(tmp_path))
    back = scan.Scan.read(tmp_path)
    for name in ("spect", "spect_lesions", "lesions"):
        one, other = getattr(simulated, name), getattr(back, name)
        np.testing.assert_array_equal(geometry.array(one), geometry.array(other))
        np.testing.assert_allclose(geometry.spacing(one), geometry.spacing(other))
    np.testing.assert_allclose(back.drawn.contrasts, simulated.drawn.contrasts, atol=1e-3)
    np.testing.assert_array_equal(back.volumes, simulated.volumes)
    (tmp_path / "spect" / "lesions.csv").unlink()
    with pytest.raises(InputError, match=f"has no lesions.csv; simulate the scan first: pairreg-spect {tmp_path}"):
        scan.Scan.read(tmp_path)


@pytest.fixture(scope="module")
def body() -> dict[str, sitk.Image]:
    """Images of a chest as runs leave them: voxels of three lengths, of which not all fill a pixel of the camera."""
    made = phantom(make_grid((117, 97, 5), (2.6, 2.4, 9.0), 250.0, ndim=3))
    return {"labels": made.labels, "activity": made.activity, "attenuation": made.mu}


def scanned(run: Path, folder: Path, images: dict[str, sitk.Image]) -> scan.Scan:
    """The scan, as it is read back, of the run once it has left `images`."""
    shutil.copytree(run, folder)
    for name, image in images.items():
        write_image(image, folder / f"warped_{name}.nii.gz")
    simulated = scan.scan(folder, counts=1e7, seed=5)
    simulated.save(scan.scan_folder(folder))
    back = scan.Scan.read(folder)
    np.testing.assert_array_equal(back.drawn.mask, simulated.drawn.mask)
    return back


@pytest.fixture(scope="module")
def upright(chest: Path, body: dict[str, sitk.Image], tmp_path_factory: pytest.TempPathFactory) -> scan.Scan:
    """The scan of the chest with axes to the left, the back and the head."""
    return scanned(chest, tmp_path_factory.mktemp("upright") / "run", body)


def stored(images: dict[str, sitk.Image], orientation: str) -> dict[str, sitk.Image]:
    return {name: sitk.DICOMOrient(image, orientation) for name, image in images.items()}


def rotated(images: dict[str, sitk.Image], rotation: np.ndarray) -> dict[str, sitk.Image]:
    """The images of a body that was rotated about the origin together with them."""
    found = {name: sitk.Image(image) for name, image in images.items()}
    for image in found.values():
        image.SetDirection((rotation @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
        image.SetOrigin((rotation @ image.GetOrigin()).tolist())
    return found


def assert_the_same_scan(found: scan.Scan, expected: scan.Scan, rotation: np.ndarray) -> None:
    for name in ("spect", "spect_lesions"):
        image, wanted = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(geometry.array(image), geometry.array(wanted))
        np.testing.assert_allclose(image.GetSpacing(), wanted.GetSpacing(), rtol=1e-5)
        np.testing.assert_allclose(image.GetOrigin(), rotation @ wanted.GetOrigin(), atol=1e-3)
        np.testing.assert_allclose(image.GetDirection(), rotation.ravel(), atol=1e-5)
    np.testing.assert_array_equal(found.drawn.mask, expected.drawn.mask)
    assert found.drawn.contrasts == expected.drawn.contrasts
    np.testing.assert_allclose(found.volumes, expected.volumes, rtol=1e-5)
    np.testing.assert_allclose(found.centres, np.array(expected.centres) @ rotation.T, atol=1e-3)


@pytest.mark.parametrize("orientation", ["RAI", "LIP", "ALS", "PIR", "SRP", "IPR"])
def test_a_scan_does_not_depend_on_how_the_volume_is_stored(
    orientation: str, chest: Path, body: dict[str, sitk.Image], upright: scan.Scan, tmp_path: Path
) -> None:
    """All orders of the axes, forwards and backwards."""
    images = stored(body, orientation)
    found = scanned(chest, tmp_path / "run", images)
    assert_the_same_scan(found, upright, np.eye(3))

    labels = images["labels"]
    assert found.lesions.GetSize() == labels.GetSize()
    np.testing.assert_allclose(found.lesions.GetOrigin(), labels.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(found.lesions.GetDirection(), labels.GetDirection(), atol=1e-5)
    assert np.isin(geometry.array(labels)[geometry.array(found.lesions) > 0], BONES).all()
    rows = csv.DictReader((tmp_path / "run" / "spect" / "lesions.csv").read_text().splitlines())
    table = np.array([[float(row[axis]) for axis in "xyz"] for row in rows])
    np.testing.assert_allclose(table, upright.centres, atol=0.06)
    np.testing.assert_allclose(centre_of_mass(found.spect), centre_of_mass(images["activity"]), atol=2.0)


def centre_of_mass(image: sitk.Image) -> np.ndarray:
    """In LPS mm."""
    points = geometry.voxel_points(image).reshape(-1, 3)
    found: np.ndarray = np.average(points, axis=0, weights=geometry.array(image).astype(float).ravel())
    return found


@pytest.mark.parametrize("orientation", ["LPS", "PIR"])
def test_a_scan_of_an_oblique_volume_has_its_axes(
    orientation: str, chest: Path, body: dict[str, sitk.Image], upright: scan.Scan, tmp_path: Path
) -> None:
    """The camera stands by the axes of the volume, the nearest to those of the body, as figures are drawn."""
    tilt = np.reshape(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.2, -0.15, 0.3).GetMatrix(), (3, 3))
    images = rotated(stored(body, orientation), tilt)
    assert_the_same_scan(scanned(chest, tmp_path / "run", images), upright, tilt)


@pytest.mark.parametrize("orientation", ["LPS", "IPR"])
def test_a_volume_thinner_than_a_pixel_of_the_camera_is_scanned(orientation: str, chest: Path, tmp_path: Path) -> None:
    made = phantom(make_grid((60, 45, 2), (5.0, 5.0, 1.2), 250.0, ndim=3))  # 2.4 mm thick
    slab = {"labels": made.labels, "activity": made.activity, "attenuation": made.mu}
    found = scanned(chest, tmp_path / "run", stored(slab, orientation)).spect
    assert found.GetSize() == (60, 45, 1) and found.GetSpacing() == pytest.approx((5.0, 5.0, 2.4))
    assert found.GetOrigin() == pytest.approx((*made.hu.GetOrigin()[:2], 250.0), abs=1e-3)
    assert geometry.array(found).sum() * 2 == pytest.approx(geometry.array(made.activity).sum(), rel=0.05)


def test_drawing_the_figure_only_reads(pairreg_spect: Command, chest: Path, tmp_path: Path) -> None:
    run = shutil.copytree(chest, tmp_path / "run")
    shutil.rmtree(run / "spect", ignore_errors=True)
    with pytest.raises(InputError, match="simulate the scan first: pairreg-spect"):
        draw_figure("phantom_spect", [Run(run)], tmp_path)
    assert not (run / "spect").exists()
    assert pairreg_spect(run, "--lesions", 2, cwd=tmp_path).returncode == 0
    with pytest.raises(InputError, match="the scan should have 3 lesions; repeat pairreg-spect"):
        draw_figure("phantom_spect", [Run(run)], tmp_path)
    before = written(run)
    prepare_figure("phantom_spect", [Run(run)])
    assert written(run) == before, "the scan of a user stays"
    shutil.rmtree(run / "spect")
    prepare_figure("phantom_spect", [Run(run)])
    before = written(run)
    (png,) = draw_figure("phantom_spect", [Run(run)], tmp_path)
    assert written(run) == before and png.exists()


def written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_slice_is_no_row_of_the_figure_and_is_not_scanned(write_run: Callable[..., Path], tmp_path: Path) -> None:
    run = write_run("a", ndim=2)
    with pytest.raises(InputError, match="is 2-D; figure phantom_spect needs 3-D runs"):
        prepare_figure("phantom_spect", [Run(run)])
    assert not (run / "spect").exists()


def test_a_fine_slice_is_averaged_to_pixels_of_the_camera(
    pairreg: Command, pairreg_spect: Command, tmp_path: Path
) -> None:
    run = run_folder(pairreg, tmp_path, "pair=phantom_2d", "pair.level=120")
    done = pairreg_spect(run, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    spect, lesions = (sitk.ReadImage(str(run / "spect" / f"{name}.nii.gz")) for name in ("spect", "lesions"))
    assert spect.GetSpacing() == pytest.approx((3.2, 3.2)) and lesions.GetSpacing() == pytest.approx((1.6, 1.6))
    activity = read(run / "warped_activity.nii.gz")
    assert geometry.array(spect).sum() * 4 == pytest.approx(activity.sum(), rel=0.05)
    areas = np.bincount(geometry.array(lesions).ravel())[1:] * 1.6**2
    assert len(areas) == 3 and (areas >= 40).all() and (areas <= 100).all()


def test_a_moving_image_that_carries_nothing_has_the_activity_of_its_labels(
    pairreg: Command, pairreg_spect: Command, tmp_path: Path
) -> None:
    run = run_folder(pairreg, tmp_path, "pair=thorax_ct_2d")
    done = pairreg_spect(run, "--counts", 1e9, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    spect, labels = (sitk.ReadImage(str(run / name)) for name in ("spect/spect.nii.gz", "warped_labels.nii.gz"))
    areas = np.prod(spect.GetSpacing()) / np.prod(labels.GetSpacing())
    activity = np.array([0, 1.0, 0.25, 0.25, 10.0, 0])[geometry.array(labels)]
    assert geometry.array(spect).sum() * areas == pytest.approx(activity.sum(), rel=0.05)

    missing = run / "warped_labels.nii.gz"
    missing.unlink()
    done = pairreg_spect(run, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"pairreg-spect: {missing} is missing") and done.stderr.count("\n") == 1


def test_what_is_no_run_cannot_be_scanned(pairreg_spect: Command, tmp_path: Path) -> None:
    done = pairreg_spect(tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"pairreg-spect: {tmp_path} has no result.json; give the folder of a run that has finished.\n"


@pytest.mark.slow
def test_the_figure_has_a_row_for_every_phantom(pairreg: Command, tmp_path: Path) -> None:
    done = pairreg("figure=phantom_spect", *CHEST, "pair.anatomy=null,{height:0.9}", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    study = tmp_path / "runs" / "figure_phantom_spect"
    assert f"figure: {(study / 'report' / 'figures' / 'phantom_spect.png').relative_to(tmp_path)}" in done.stdout
    with Image.open(study / "report" / "figures" / "phantom_spect.png") as image:
        assert image.size[0] > 1500
    assert len(list(study.glob("*/spect/spect_lesions.nii.gz"))) == 2
    assert 'href="figures/phantom_spect.pdf"' in (study / "report" / "index.html").read_text()

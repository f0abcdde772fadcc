"""`scripts/prepare_naf_prostate.py` on a real DICOM series and a phantom in raw files."""

import locale
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg import geometry
from pairreg.pair.hdf5 import cases, load_case
from pairreg.pair.phantom import phantom
from pairreg.pair.phantom.pair import make_grid

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "prepare_naf_prostate.py"
SIZE, SPACING = (64, 64, 12), 6.0  # around the heart, with a field of view of 384 mm
LOG = f"""pixel width =  {SPACING / 10:.4f} (cm/pixel)
slice width =  {SPACING / 10:.4f} (cm/pixel)
array_size = {SIZE[0]}
starting slice number    = 1
ending slice number      = {SIZE[2]}
Linear Attenuation Coefficients (1/pixel):
Body (water) = {0.1538 * SPACING / 10:.5f}
"""
VOLUMES = ("--attenuation", "atn.bin", "--activity", "act.bin", "--labels", "organs.bin", "--header", "xcat_log")


@pytest.fixture(scope="module")
def ct(shared_data):
    return shared_data / "dicom_ct_slab"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The phantom as XCAT would write it."""
    folder = tmp_path_factory.mktemp("xcat")
    torso = phantom(make_grid(SIZE, SPACING, 280.0, 3))
    volumes = {"atn": geometry.array(torso.mu) * SPACING / 10}
    volumes |= {"act": geometry.array(torso.activity), "organs": geometry.array(torso.labels)}
    for name, values in volumes.items():
        values.astype("<f4").tofile(folder / f"{name}.bin")
    (folder / "xcat_log").write_text(LOG)
    return folder


def prepare(folder: Path, *arguments: object) -> Path:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "cases.h5", *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "cases.h5"


@pytest.fixture(scope="module")
def slices(ct, folder) -> Path:
    return prepare(folder, "--grid", "2d", *VOLUMES, "--ct", "p1", ct, "5:3", "12:10").rename(folder / "slices.h5")


@pytest.fixture(scope="module")
def volumes(ct, folder) -> Path:
    return prepare(folder, "--grid", "3d", *VOLUMES, "--ct", "p1", ct, "--ct", "p-2", ct).rename(folder / "volumes.h5")


def test_slices_of_a_real_series(slices, ct, folder):
    assert cases(slices) == ["p1_12", "p1_5"]
    pair = load_case(slices, "p1_5")
    assert pair.fixed.GetSize() == pair.moving.GetSize() == (384, 384)
    np.testing.assert_allclose(pair.fixed.GetSpacing(), 512 * 0.78125 / 384)
    np.testing.assert_allclose(pair.moving.GetSpacing(), 1.0)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(ct)))
    volume = geometry.array(reader.Execute()).astype(float)
    fixed = geometry.array(pair.fixed).astype(float)
    blocks = lambda image, n: image.reshape(32, n, 32, n).mean((1, 3))  # noqa: E731  12.5 mm, on both grids the same
    error = [np.abs(blocks(fixed, 12) - blocks(np.maximum(plane, -1000), 16)).mean() for plane in volume]
    assert np.argmin(error) == 5 and error[5] < 5


def test_the_phantom_in_it(slices, folder):
    pair = load_case(slices, "p1_12")
    labels = np.fromfile(folder / "organs.bin", "<f4").reshape(SIZE[::-1])[10]
    np.testing.assert_array_equal(geometry.array(pair.moving_labels), labels)
    activity = np.fromfile(folder / "act.bin", "<f4").reshape(SIZE[::-1])[10]
    np.testing.assert_array_equal(geometry.array(pair.channels["activity"]), activity)
    np.testing.assert_allclose(pair.moving_labels.GetSpacing(), SPACING)
    mu = np.fromfile(folder / "atn.bin", "<f4").reshape(SIZE[::-1])[10]
    middle = [pair.moving.TransformIndexToPhysicalPoint((i, j)) for i, j in ((195, 195), (99, 201), (297, 189))]
    for point in middle:
        i, j = pair.moving_labels.TransformPhysicalPointToIndex(point)
        around = 1000 * (mu[j - 1 : j + 2, i - 1 : i + 2] / (0.1538 * SPACING / 10) - 1)
        value = pair.moving[pair.moving.TransformPhysicalPointToIndex(point)]
        assert around.min() - 1 <= value <= around.max() + 1


def test_volumes(volumes):
    assert cases(volumes) == ["p-2", "p1"]
    pair = load_case(volumes, "p1")
    assert pair.fixed.GetSize() == pair.moving.GetSize() == (160, 160, 256)
    np.testing.assert_allclose(pair.fixed.GetSpacing(), (2.5, 2.5, 20 / 256), rtol=1e-5)
    np.testing.assert_allclose(pair.moving.GetSpacing(), (384 / 160, 384 / 160, 72 / 256))
    assert geometry.array(pair.fixed).min() >= -1000 and pair.moving_labels.GetSize() == SIZE


@pytest.mark.parametrize(("file", "case"), [("slices", "p1_12"), ("volumes", "p1")])
def test_a_registration_may_begin(file, case, pairreg, request, tmp_path):
    of_case = ("pair=hdf5", f"pair.file={request.getfixturevalue(file)}", f"pair.case={case}")
    done = pairreg(*of_case, "tracking=none", "dry_run=true", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and "the files of 1 pair can be used" in done.stdout


def changed(arguments: tuple[str, ...], **values: str) -> tuple[str, ...]:
    result = list(arguments)
    for key, value in values.items():
        result[result.index(f"--{key}") + 1] = value
    return tuple(result)


SIZES = ("--size", "64", "64", "12", "--spacing", "6", "6", "6")
REFUSED = {
    "no slices": (("--grid", "2d", *VOLUMES, "--ct", "p1", "CT"), "CT:PHANTOM"),
    "bad slices": (("--grid", "2d", *VOLUMES, "--ct", "p1", "CT", "5-3"), "5-3"),
    "slices in 3-D": (("--grid", "3d", *VOLUMES, "--ct", "p1", "CT", "5:3"), "give NAME FOLDER."),
    "slice outside": (("--grid", "2d", *VOLUMES, "--ct", "p1", "CT", "5:3", "20:3"), "the CT has no slice 20"),
    "no name": (("--grid", "3d", *VOLUMES, "--ct", "CT"), "give NAME FOLDER."),
    "no plain name": (("--grid", "3d", *VOLUMES, "--ct", "p/1", "CT"), "'p/1'"),
    "case twice": (("--grid", "2d", *VOLUMES, "--ct", "p1", "CT", "5:3", "5:4"), "'p1_5' is there twice"),
    "no series": (("--grid", "3d", *VOLUMES, "--ct", "p1", "."), "without a DICOM series"),
    "two series": (("--grid", "3d", *VOLUMES, "--ct", "p1", "TWO"), "2 DICOM series"),
    "no folder": (("--grid", "3d", *VOLUMES, "--ct", "p1", "CT", "--ct", "p2", "nowhere"), "nowhere does not exist"),
    "one image": (("--grid", "3d", *VOLUMES, "--ct", "p1", "ONE"), "single image"),
    "raw size": (("--grid", "3d", *changed(VOLUMES, activity="xcat_log"), "--ct", "p1", "CT"), "196608"),
    "header key": (("--grid", "3d", *changed(VOLUMES, header="short_log"), "--ct", "p1", "CT"), "array_size"),
    "labels": (("--grid", "3d", *changed(VOLUMES, labels="atn.bin"), "--ct", "p1", "CT"), "whole numbers"),
    "size twice": (("--grid", "3d", *VOLUMES, *SIZES, "--ct", "p1", "CT"), "either --header, or"),
    "no spacing": (("--grid", "3d", *VOLUMES[:-2], *SIZES[:4], "--ct", "p1", "CT"), "either --header, or"),
    "unit": (("--grid", "3d", *VOLUMES, "--mu-water", "0.1538", "--ct", "p1", "CT"), "give the mu of water"),
    "nowhere": (("--grid", "3d", "--ct", "p1", "CT"), "--attenuation"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_sentence_and_leaves_nothing(ct, folder, tmp_path, monkeypatch, capsys, arguments, message):
    for file in folder.glob("*.bin"):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "xcat_log").write_text(LOG)
    (tmp_path / "short_log").write_text(LOG.replace("array_size", "size"))
    (tmp_path / "old.h5").write_text("as it was")
    (tmp_path / "CT").symlink_to(ct)
    for name in ("ONE", "TWO"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1-01.dcm").symlink_to(sorted(ct.glob("*.dcm"))[0])
    other = sitk.ReadImage(str(sorted(ct.glob("*.dcm"))[1]))
    sitk.WriteImage(other, str(tmp_path / "TWO" / "2-01.dcm"))
    locale.setlocale(locale.LC_CTYPE, "")  # writing DICOM leaves the process in the C locale: no UTF-8
    before = set(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "old.h5", *arguments])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    said = capsys.readouterr().err
    assert exit.value.code == 2 and message in said, said
    assert said.startswith("prepare_naf_prostate.py: ") and len(said.splitlines()) == 1
    assert set(tmp_path.rglob("*")) == before and (tmp_path / "old.h5").read_text() == "as it was"


def test_size_and_spacing_without_a_log(ct, folder, tmp_path):
    for file in folder.glob("*.bin"):
        (tmp_path / file.name).symlink_to(file)
    given = prepare(tmp_path, "--grid", "2d", *VOLUMES[:-2], *SIZES, "--ct", "p1", ct, "5:3")
    logged = prepare(folder, "--grid", "2d", *VOLUMES, "--ct", "p1", ct, "5:3")
    found, expected = (geometry.array(load_case(file).moving) for file in (given, logged))
    np.testing.assert_allclose(found, expected, atol=0.1)  # the log rounds its water

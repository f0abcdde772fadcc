"""Outputs: never over something else, whole or not at all, and one sentence where they do not fit."""

import errno
import os
import re
import resource
import shutil
import subprocess

import h5py
import numpy as np
import pytest
import SimpleITK as sitk

from command_helpers import BIN, OF_COVERAGE, environment_without, installed, many, only_run
from pairreg.errors import InputError
from pairreg.hdf5_files import writing_hdf5
from pairreg.image_files import write_image
from pairreg.machine_errors import sentence

RUN = ("preset=smoke", "transform=displacement", "tracking=none", "pair=phantom_2d")


@pytest.fixture(scope="module")
def work(pairreg, tmp_path_factory, warped_2d):
    """A folder with a run, images, a manifest of them, and a link to one."""
    folder = tmp_path_factory.mktemp("outputs")
    done = pairreg(*RUN, cwd=folder)
    assert done.returncode == 0, done.stderr
    only_run(folder).rename(folder / "run")
    for name in ("fixed", "moving"):
        sitk.WriteImage(warped_2d.image(name), folder / f"{name}.nii.gz")
        shutil.copy(folder / f"{name}.nii.gz", folder / f"{name}.h5")  # a name that says something else
    (folder / "cases.csv").write_text("case,fixed,moving\na,fixed.nii.gz,moving.nii.gz\n")
    (folder / "h5.csv").write_text("case,fixed,moving\na,fixed.h5,moving.h5\n")
    (folder / "link.nii.gz").symlink_to("moving.nii.gz")
    os.link(folder / "moving.nii.gz", folder / "second name.nii.gz")
    (folder / "other.h5").write_bytes((folder / "run" / "transform.h5").read_bytes())
    (folder / "mine.h5").write_text("notes")
    return folder


PACK = {
    "the manifest": ["cases.csv", "cases.csv"],
    "the manifest by another path": ["cases.csv", "./cases.csv"],
    "an image": ["cases.csv", "fixed.nii.gz"],
    "an image that is called .h5": ["h5.csv", "moving.h5"],
    "another ending": ["cases.csv", "cases.txt"],
    "an HDF5 file of something else": ["cases.csv", "other.h5"],
    "a file that is no HDF5": ["cases.csv", "mine.h5"],
    "a file of a run": ["cases.csv", "run/transform.h5"],
    "a folder": ["cases.csv", "run"],
    "a folder that is not there": ["cases.csv", "nowhere/cases.h5"],
}
WARP = {
    "its input": ["run", "moving.nii.gz", "-o", "moving.nii.gz"],
    "its input by a link": ["run", "moving.nii.gz", "-o", "link.nii.gz"],
    "its input by a second name": ["run", "moving.nii.gz", "-o", "second name.nii.gz"],
    "its grid": ["run", "moving.nii.gz", "-o", "fixed.nii.gz", "--grid", "fixed.nii.gz"],
    "the displacement of a run": ["run", "moving.nii.gz", "-o", "run/displacement.nii.gz"],
    "a figure's folder": ["run", "moving.nii.gz", "-o", "run/figures"],
}


CONVERT = {
    "its input": ["other.h5", "other.h5"],
    "its fixed image": ["other.h5", "fixed.nii.gz", "--fixed", "fixed.nii.gz"],
    "its moving image by a link": ["other.h5", "link.nii.gz", "--fixed", "fixed.nii.gz", "--moving", "moving.nii.gz"],
    "the transform of its run": ["run", "run/transform.h5"],
    "the displacement of a run": ["other.h5", "run/displacement.nii.gz", "--fixed", "fixed.nii.gz"],
    "a folder that is not there": ["run", "nowhere/t.h5"],
    "another ending": ["run", "cases.csv"],
}
ALL = {"pairreg-pack": PACK, "pairreg-warp": WARP, "pairreg-convert": CONVERT}


@pytest.mark.slow
@pytest.mark.parametrize(("command", "cases"), ALL.items())
def test_nothing_else_is_replaced(command, cases, work, tmp_path):
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    for name, done in zip(cases, many(command, list(cases.values()), work, tmp_path), strict=True):
        assert done.returncode == 2 and done.stderr.count("\n") == 1, (name, done.stderr)
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before


def test_what_the_command_wrote_earlier_is_replaced_and_anything_by_force(work, tmp_path):
    shutil.copytree(work, tmp_path / "w")
    (tmp_path / "said").mkdir()
    calls = [["cases.csv", "new.h5"], ["cases.csv", "new.h5"], ["cases.csv", "mine.h5", "--force"]]
    done = many("pairreg-pack", calls, tmp_path / "w", tmp_path / "said")
    assert [one.returncode for one in done] == [0, 0, 0], done
    with h5py.File(tmp_path / "w" / "mine.h5") as file:
        assert list(file) == ["a"]


def limited(arguments, folder, size):
    """Runs a command whose files may have `size` bytes at most."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    command = [str(BIN / arguments[0]), *map(str, arguments[1:])]
    given = environment_without(*OF_COVERAGE)
    return subprocess.run(command, cwd=folder, env=given, preexec_fn=limit, capture_output=True, text=True)


def is_a_failure(done, output):
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr[-3000:]
    assert re.search("cannot be (read or )?(written|kept)|can be written", done.stderr), done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not output.exists() or not list(output.rglob("result.json"))


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 3000, 20_000])
def test_an_output_that_does_not_fit_leaves_what_was_there(size, work, tmp_path):
    learn2reg = ["pairreg-convert", work / "run", "--moving", work / "moving.nii.gz"]
    for name, call in {
        "cases.h5": ["pairreg-pack", work / "cases.csv", "cases.h5"],
        "warped.nii.gz": ["pairreg-warp", work / "run", work / "moving.nii.gz", "-o", "warped.nii.gz"],
        "warped.mha": ["pairreg-warp", work / "run", work / "moving.nii.gz", "-o", "warped.mha"],
        "t.h5": ["pairreg-convert", work / "run", "t.h5"],
        "t.tfm": ["pairreg-convert", work / "run", "t.tfm"],
        "t.nii.gz": ["pairreg-convert", work / "run", "t.nii.gz"],
        "disp_0001_0002.nii.gz": [*learn2reg, "disp_0001_0002.nii.gz"],
        "disp_0001_0002.npz": [*learn2reg, "disp_0001_0002.npz"],
    }.items():
        (tmp_path / name).write_bytes(b"earlier")
        call = [*call, "--force"]
        done = limited(call, tmp_path, size)
        if done.returncode == 0:
            assert (tmp_path / name).stat().st_size <= size
            continue
        is_a_failure(done, tmp_path)
        assert re.search(f"{name} cannot be (read or )?written", done.stderr) or "TMPDIR" in done.stderr
        assert (tmp_path / name).read_bytes() == b"earlier"
        assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
@pytest.mark.parametrize("size", [300, 40_000, 300_000])
def test_a_run_that_does_not_fit_is_a_sentence_and_the_same_command_completes_it(size, pairreg, tmp_path):
    arguments = ["pairreg", *RUN]
    failed = limited(arguments, tmp_path, size)
    is_a_failure(failed, tmp_path)
    done = pairreg(*RUN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    again = limited([*arguments, "rerun=true"], tmp_path, size)
    is_a_failure(again, tmp_path / "nothing")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("size", [300, 60_000])
def test_a_report_that_does_not_fit_leaves_the_earlier_one(size, work, tmp_path):
    shutil.copytree(work / "run", tmp_path / "runs" / "s" / "run")
    assert installed("pairreg-report")("s", cwd=tmp_path).returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    is_a_failure(limited(["pairreg-report", "s"], tmp_path, size), tmp_path / "nothing")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


ON_A_SMALL_DISK = pytest.mark.skipif(os.getuid() != 0 or shutil.which("mount") is None, reason="mounts a small disk")


@ON_A_SMALL_DISK
def test_compiled_code_that_does_not_fit_is_left_out(pairreg, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=True)
    try:
        done = pairreg(*RUN, cwd=tmp_path, XDG_CACHE_HOME=str(disk))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("compiled code is not kept for later commands") == 1


@ON_A_SMALL_DISK
@pytest.mark.slow
def test_a_disk_that_fills_up_at_any_byte(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    # a text, two images, the transform, and what follows it
    for kilobytes in (4, 60, 400, 1300, 1700, 2200):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)], check=True)
        try:
            command = [str(BIN / "pairreg"), *RUN, f"output_dir={disk / 'runs'}"]
            given = environment_without(*OF_COVERAGE)
            is_a_failure(subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True), disk)
        finally:
            subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("name", ["x.nii.gz", "x.nii", "x.mha", "x.nrrd"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_images_come_back_as_they_were_written(name, ndim, tmp_path):
    rng = np.random.default_rng(0)
    image = sitk.GetImageFromArray(rng.normal(size=(5, 6, 7)[:ndim]).astype(np.float32))
    image.SetSpacing([0.7, 1.3, 2.1][:ndim])
    image.SetOrigin([-812.3456789, 55.1, 1000 / 3][:ndim])
    image.SetDirection(np.linalg.qr(rng.normal(size=(ndim, ndim)))[0].ravel().tolist())
    write_image(image, tmp_path / name)
    found = sitk.ReadImage(str(tmp_path / name))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(image))
    for index in ([0] * ndim, [n - 1 for n in image.GetSize()]):
        where = [one.TransformIndexToPhysicalPoint(index) for one in (found, image)]
        np.testing.assert_allclose(*where, atol=1e-4)  # float32 of NIfTI, at some 1000 mm


def far_out() -> sitk.Image:
    """An image that float32 numbers put 0.2 voxels elsewhere."""
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((40, 40), np.float32))
    image.SetSpacing([1e-5, 1e-5])
    image.SetOrigin([50 + 2e-6, 50 + 2e-6])
    return image


def elsewhere() -> sitk.Image:
    """An image whose origin a PNG cannot keep."""
    image = sitk.Image([40, 40], sitk.sitkUInt8)
    image.SetOrigin([0.5, 20.0])
    return image


@pytest.mark.parametrize(("image", "name"), [(far_out(), "x.nii.gz"), (far_out(), "x.nii"), (elsewhere(), "x.png")])
def test_a_format_that_would_move_the_voxels_is_refused(image, name, tmp_path):
    with pytest.raises(InputError, match=rf"{name} cannot be written: .* voxels by [\d.]+ of their size; .*\.mha"):
        write_image(image, tmp_path / name)
    assert not list(tmp_path.iterdir())
    write_image(image, tmp_path / "x.nrrd")


def test_a_run_whose_results_would_lie_elsewhere_is_refused_before_it_is_computed(pairreg, tmp_path):
    sitk.WriteImage(far_out(), str(tmp_path / "a.mha"))
    done = pairreg(*RUN[:3], "pair=files", "pair.fixed=a.mha", "pair.moving=a.mha", cwd=tmp_path)
    assert done.returncode == 2 and "a.mha lies too far out" in done.stderr + done.stdout, done
    assert not list(tmp_path.rglob("*.nii.gz"))


def test_an_hdf5_file_is_that_of_the_library(tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 50))
    with writing_hdf5(tmp_path / "a.h5") as file:
        file.create_dataset("x/y", data=values, compression="gzip", shuffle=True)
        file.attrs["text"] = "täxt"
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["x/y"][()], values)
        assert file.attrs["text"] == "täxt"


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (
            MemoryError("Unable to allocate 3.35 GiB for an array with shape (900, 1000)"),
            ["3.35 GiB", "900,1000"],
        ),
        (OSError(28, "No space left on device", "a/b.h5"), ["a/b.h5 cannot be written", "free some space"]),
        (PermissionError(13, "Permission denied", "a"), ["a cannot be read or written", "may write to"]),
        (OSError(errno.ESTALE, "Stale file handle", "a"), ["a cannot be read or written (stale", "same command"]),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), ["a cannot be read or written (is a dir"]),
        (OSError(errno.ENFILE, "Too many open files in system"), ["a file", "close some programs"]),
        (OSError(122, "Disk quota exceeded", "a"), ["quota"]),
    ],
)
def test_failures_of_the_machine_say_what_helps(error, parts):
    found = sentence(error)
    assert found is not None and all(part in found for part in parts) and found.count("\n") == 0


def test_other_errors_are_not_failures_of_the_machine():
    assert sentence(ValueError("x")) is None and sentence(OSError("x")) is None
    assert sentence(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")) is None

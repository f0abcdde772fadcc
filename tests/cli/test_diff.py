"""`pairreg-diff` on runs that the command `pairreg` has left."""

import json
import re
import shutil
from pathlib import Path

import pytest

from command_helpers import installed
from pair_helpers import write_noise
from pairreg.runs.read import Run

QUICK = ("preset=smoke", "tracking=none", "transform=displacement", "initialization=none")
FILES = ("pair=files", "pair.fixed=f.nii.gz", "pair.moving=m.nii.gz")


pytestmark = pytest.mark.slow  # all on runs that the fixture computes


@pytest.fixture(scope="module")
def diff():
    return installed("pairreg-diff")


@pytest.fixture(scope="module")
def runs(tmp_path_factory, pairreg):
    """Runs by name, made by four commands in one folder."""
    folder = tmp_path_factory.mktemp("runs")
    write_noise(folder, "f", "m")
    for name, copied in (("other", "f"), ("copy", "m")):
        shutil.copy(folder / f"{copied}.nii.gz", folder / f"{name}.nii.gz")

    def made(study, *arguments, code=0):
        done = pairreg(*QUICK, *arguments, f"study={study}", cwd=folder)
        assert done.returncode == code, done.stderr
        return [Run.begun(config.parent) for config in (folder / "runs" / study).glob("*/config.yaml")]

    choices = made("choices", *FILES, "similarity=[pcc,ssim],ncc", "seed=0,1", "-m")
    files = made("files", *FILES[:-1], "pair.moving=copy.nii.gz,other.nii.gz", "-m")
    found = {(*run.config["similarity"], run.config["seed"]): run.folder for run in choices}
    found |= {Path(run.asked_config["pair"]["moving"]).stem: run.folder for run in files}
    (volume,) = made("volume", "pair=phantom_3d", "pair.size=[32,24,16]", "pair.spacing=14")
    (failed,) = made("failed", *FILES, "optimizer.beta_1=0.999999999999", code=1)
    return {
        "base": found["pcc", "ssim", 0],
        "seed": found["pcc", "ssim", 1],  # which a grid of displacements does not depend on
        "ncc": found["ncc", 0],
        "name": found["copy.nii"],
        "file": found["other.nii"],
        "volume": volume.folder,
        "failed": failed.folder,
    }


def test_a_run_and_itself(diff, runs, tmp_path):
    done = diff(runs["base"], runs["base"], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nThe runs are the same.\n")
    assert all(f"{part}: the same\n" in done.stdout for part in ("settings", "inputs", "code", "versions", "machine"))


def test_the_same_deformation_by_another_config(diff, runs, tmp_path):
    done = diff(runs["base"], runs["seed"], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^seed +0 +1 *$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("\nThe deformations are the same, byte for byte.\n")


def test_another_similarity(diff, runs, tmp_path):
    done = diff(runs["base"], runs["ncc"], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    for line in (
        r"similarity +pcc\+ssim +ncc",
        r"similarity\.ncc\.window +- +9",
        r"SSIM ↑ +-?0\.\d{3} +-?0\.\d{3} +[+-]0\.",
    ):
        assert re.search(rf"^{line}", done.stdout, re.MULTILINE), line
    assert re.search(r"^deformation +[\d.e-]+ +[\d.e-]+ +[\d.e-]+ *$", done.stdout, re.MULTILINE)
    assert re.search(r"The deformations differ by [\d.]+ voxels in the mean, [\d.]+ at most\.\n$", done.stdout)


def test_another_file(diff, runs, tmp_path):
    done = diff(runs["base"], runs["file"], cwd=tmp_path)
    assert done.returncode == 1
    first, second = moving(done.stdout, "m", "other")
    assert first != second and "settings: the same" in done.stdout


def test_the_same_file_by_another_name(diff, runs, tmp_path):
    done = diff(runs["base"], runs["name"], cwd=tmp_path)
    assert done.returncode == 0
    first, second = moving(done.stdout, "m", "copy")
    assert first == second


def moving(said, *names):
    """The digests that are said to be those of the moving images with these names."""
    files = " +".join(rf"{name}\.nii\.gz \(([0-9a-f]{{8}})\)" for name in names)
    found = re.search(rf"^pair\.moving +{files} *$", said, re.MULTILINE)
    assert found, said
    return found.groups()


def test_another_dimension(diff, runs, tmp_path):
    done = diff(runs["base"], runs["volume"], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith("The deformations cannot be subtracted: one run is 2-D, the other 3-D.\n")


def test_a_failed_run_is_compared_as_far_as_it_went(diff, runs, tmp_path):
    done = diff(runs["base"], runs["failed"], cwd=tmp_path)
    assert done.returncode == 2 and re.search(r"optimizer\.beta_1 +0\.9 +0\.99", done.stdout)
    assert done.stderr.startswith(f"pairreg-diff: {runs['failed']} has failed (DivergedError: ")
    assert done.stderr.endswith("so there is no result to compare; run it again.\n")
    assert len(done.stderr.splitlines()) == 1


def test_a_run_that_was_killed(diff, runs, tmp_path):
    killed = tmp_path / "killed"
    shutil.copytree(runs["base"], killed)
    (killed / "result.json").unlink()
    done = diff(killed, runs["base"], cwd=tmp_path)
    assert done.returncode == 2 and f"{killed} is unfinished, so there is no result" in done.stderr
    first, second = moving(done.stdout, f"{runs['base'].parents[2]}/m", "m")  # where its command was called
    assert first == second and "settings: the same\n" in done.stdout


def test_a_folder_of_an_older_version(diff, runs, tmp_path):
    """It kept no contents of inputs, and had no file with the whole transform."""
    old = tmp_path / "old"
    shutil.copytree(runs["base"], old)
    (old / "transform.h5").unlink()
    summary = json.loads((old / "result.json").read_text())
    del summary["inputs"]
    (old / "result.json").write_text(json.dumps(summary))
    done = diff(old, runs["base"], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "inputs: a run is from before their contents were kept" in done.stdout


def test_a_run_that_was_saved_from_python(diff, runs, tmp_path):
    saved = tmp_path / "saved"
    shutil.copytree(runs["base"], saved)
    (saved / "config.yaml").unlink()
    summary = json.loads((saved / "result.json").read_text()) | {"config": {}, "choices": {}}
    (saved / "result.json").write_text(json.dumps(summary))
    done = diff(saved, runs["base"], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "settings: a run that was saved from Python has not kept them" in done.stdout


def test_metrics_of_labels_if_asked_for(diff, runs, tmp_path):
    few = diff(runs["volume"], runs["volume"], cwd=tmp_path)
    many = diff(runs["volume"], runs["volume"], "--labels", cwd=tmp_path)
    assert "Dice ↑" in few.stdout and "Dice of " not in few.stdout and "Dice of " in many.stdout


@pytest.mark.parametrize("folder", [".", "nowhere", "x" * 5000])
def test_what_is_no_run_is_one_sentence(folder, diff, runs, tmp_path):
    done = diff(runs["base"], folder, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("pairreg-diff: ")


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "40"}], ids=str)
def test_any_terminal_will_do(environment, diff, runs, tmp_path):
    done = diff(runs["base"], runs["ncc"], cwd=tmp_path, **environment)
    assert (done.returncode, done.stderr) == (1, "") and "\x1b" not in done.stdout

"""`pairreg-export`: what it writes, read by the array convention of Learn2Reg alone, gives the numbers of the runs."""

import json
import shutil
import zipfile
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest

from command_helpers import installed, many, only_run
from learn2reg_helpers import SUBJECTS, demo, of_shared_pairs, their_dice, their_sdlogj, their_tre

RUN = ("pair=learn2reg", "preset=smoke", "transform=displacement", "tracking=none", "study=s")


def scored(data: Path, fixed: str, moving: str, field: Path, mask: bool = False) -> dict[str, float]:
    """The numbers of a submitted field, from files by nibabel and NumPy alone."""
    volumes = {
        (side, kind): np.asarray(nibabel.load(data / kind / f"{name}.nii.gz").dataobj)
        for side, name in (("fixed", fixed), ("moving", moving))
        for kind in ("labelsTr", *(["masksTr"] if mask else []))
    }
    array = nibabel.load(field).get_fdata()
    labels = sorted(set(np.unique(volumes["fixed", "labelsTr"])) & set(np.unique(volumes["moving", "labelsTr"])) - {0})
    dice = their_dice(array, volumes["fixed", "labelsTr"], volumes["moving", "labelsTr"], labels)
    found = {f"dice/{label}": value for label, value in dice.items()}
    found["sdlogj_l2r"] = their_sdlogj(array, volumes["fixed", "masksTr"] if mask else None)
    points = [data / "landmarksTr" / f"{name}.csv" for name in (fixed, moving)]
    if all(path.exists() for path in points):
        zooms = nibabel.load(data / "imagesTr" / f"{moving}.nii.gz").header.get_zooms()
        of_points = their_tre(array, *(np.loadtxt(path, delimiter=",") for path in points), zooms)
        found["tre_l2r"] = float(of_points.mean())
    return found


def metrics_of(run: Path) -> dict[str, float]:
    return json.loads((run / "metrics.json").read_text())


@pytest.fixture(scope="module")
def exported(pairreg, tmp_path_factory) -> Path:
    """A data set of one pair, its run under `runs/s` and its submission in `out`."""
    folder = tmp_path_factory.mktemp("export")
    demo(folder, degrees=25, masked_evaluation=True)
    done = pairreg(*RUN, "pair.dataset=DemoCT_dataset.json", "pair.case=0", "initialization=center_of_mass", cwd=folder)
    assert done.returncode == 0, done.stderr
    done = installed("pairreg-export")("s", "--learn2reg", "out", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "out: 1 displacements\n", "")
    return folder


@pytest.mark.slow
def test_a_submission_has_the_numbers_of_the_run(exported):
    field = exported / "out" / "disp_0001_0001.nii.gz"
    image = nibabel.load(field)
    assert image.shape == (20, 16, 12, 3) and image.get_data_dtype() == np.float32
    metrics = metrics_of(only_run(exported / "runs" / "s"))
    found = scored(exported, "DemoCT_0001_0000", "DemoCT_0001_0001", field, mask=True)
    assert len(found) == 4 and np.ptp(image.get_fdata()) > 0.5
    for name, value in found.items():
        assert metrics[name] == pytest.approx(value, abs=1e-5), name
    assert metrics["tre_mean"] == pytest.approx(found["tre_l2r"], abs=1e-3), "points at the centres of voxels"


def test_calls_that_cannot_be_are_one_sentence(exported, tmp_path):
    """And a ZIP file, whose members are those of the folder."""
    run = str(only_run(exported / "runs" / "s"))
    calls = {
        ("s", "--learn2reg", "out"): (2, "out/disp_0001_0001.nii.gz is there already"),
        ("t", "--learn2reg", "new"): (2, "there is no study 't'"),
        ("s", run, "--learn2reg", "new"): (2, "are both of case 0001_0001"),
        ("s", "--learn2reg", "new", "--zip"): (2, "new does not end in .zip"),
        ("s",): (2, "--learn2reg"),
        (run, "--learn2reg", "out.zip", "--zip"): (0, ""),
        (run, "--learn2reg", "out", "--force"): (0, ""),
    }
    shutil.copytree(run, exported / "python", ignore=shutil.ignore_patterns("config.yaml", "task.json"))
    calls["python", "--learn2reg", "new"] = (2, "is not the folder of a run: it has no config.yaml")
    said = tmp_path / "said"
    said.mkdir()
    for done, (code, words) in zip(many("pairreg-export", list(calls), exported, said), calls.values(), strict=True):
        assert done.returncode == code and words in done.stderr, done
        assert len(done.stderr.splitlines()) == (code != 0)
    assert not (exported / "new").exists()
    with zipfile.ZipFile(exported / "out.zip") as archive:
        assert archive.namelist() == ["disp_0001_0001.nii.gz"]
        (tmp_path / "disp.nii.gz").write_bytes(archive.read("disp_0001_0001.nii.gz"))
    packed, plain = (
        nibabel.load(p).get_fdata() for p in (tmp_path / "disp.nii.gz", exported / "out" / "disp_0001_0001.nii.gz")
    )
    np.testing.assert_array_equal(packed, plain)
    image = exported / "imagesTr" / "DemoCT_0001_0001.nii.gz"
    before = image.read_bytes()
    nibabel.save(nibabel.Nifti1Image(np.ones((20, 16, 12)), np.eye(4)), image)
    done = installed("pairreg-export")("s", "--learn2reg", "new", cwd=exported)
    image.write_bytes(before)
    assert done.returncode == 2 and "has changed since" in done.stderr and not (exported / "new").exists()


@pytest.mark.slow
def test_a_packed_data_set_gives_the_same_files_and_numbers(exported, pairreg):
    """From one HDF5 file, which names the cases; a file of other pairs is refused."""
    done = installed("pairreg-pack")("--learn2reg", "DemoCT_dataset.json", "demo.h5", cwd=exported)
    assert done.returncode == 0, done.stderr
    of_packed = ["pair=hdf5", *RUN[1:-1], "study=packed", "pair.file=demo.h5"]
    done = pairreg(*of_packed, "initialization=center_of_mass", cwd=exported)
    assert done.returncode == 0, done.stderr
    done = installed("pairreg-export")("packed", "--learn2reg", "of_packed", cwd=exported)
    assert (done.returncode, done.stdout, done.stderr) == (0, "of_packed: 1 displacements\n", "")
    name = "disp_0001_0001.nii.gz"
    ours, theirs = (nibabel.load(exported / folder / name) for folder in ("of_packed", "out"))
    np.testing.assert_array_equal(ours.get_fdata(), theirs.get_fdata())
    np.testing.assert_array_equal(ours.affine, theirs.affine)
    plain, packed = (metrics_of(only_run(exported / "runs" / study)) for study in ("s", "packed"))
    costs = {"seconds", "startup_seconds", "peak_memory_mb"}
    assert {k: v for k, v in plain.items() if k not in costs} == {k: v for k, v in packed.items() if k not in costs}
    assert "tre_l2r" in packed and "hd95_voxel" in packed
    with h5py.File(exported / "demo.h5", "a") as file:
        del file["0001_0001/evaluation_mask"]  # as that of a case of a manifest
    done = installed("pairreg-export")("packed", "--learn2reg", "new", cwd=exported)
    assert done.returncode == 2 and "pairreg-pack --learn2reg" in done.stderr and not (exported / "new").exists()


@pytest.mark.slow
def test_real_pairs_in_their_format_from_end_to_end(pairreg, shared_data, tmp_path):
    of_shared_pairs(shared_data, tmp_path)
    done = pairreg(*RUN, "pair.dataset=SharedMix_dataset.json", "pair.case=*", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = installed("pairreg-export")("s", "--learn2reg", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "out: 2 displacements\n"), done.stderr
    for run in (path.parent for path in tmp_path.rglob("result.json")):
        case = json.loads((run / "result.json").read_text())["config"]["pair"]["case"]
        fixed, moving = (f"SharedMix_{number}_0000" for number in case.split("_"))
        found = scored(tmp_path, fixed, moving, tmp_path / "out" / f"disp_{case}.nii.gz")
        assert ("tre_l2r" in found) == (int(case[:4]) == SUBJECTS["ct_lung_baseline_followup"])
        for name, value in found.items():
            # a displacement in float32 takes a few label voxels to another neighbour
            assert metrics_of(run)[name] == pytest.approx(value, abs=2e-4), (case, name)

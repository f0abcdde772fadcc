"""A study reads all its pairs before the first registration."""

import numpy as np
import pytest
import SimpleITK as sitk


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for name in "fab":
        image = sitk.GetImageFromArray(rng.normal(size=(20, 24)).astype(np.float32))
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii"))
    for name, length in {"cut": 900, "short": 800}.items():
        (tmp_path / f"{name}.nii").write_bytes((tmp_path / "a.nii").read_bytes()[:length])
    return tmp_path


STUDY = ("pair=files", "pair.fixed=f.nii", "tracking=none", "preset=smoke", "transform=displacement", "-m")


def test_the_last_pair_may_be_as_bad_as_the_first(pairreg, images):
    done = pairreg(*STUDY, "pair.moving=a.nii,b.nii,cut.nii", cwd=images)
    assert done.returncode == 2 and done.stderr == (
        "pairreg: cut.nii is cut off (900 of 2272 bytes); copy or download it again.\n"
    )
    assert not (images / "runs").exists()


def test_how_many_are_bad_is_said(pairreg, images):
    done = pairreg(*STUDY, "pair.moving=a.nii,cut.nii,short.nii", "dry_run=true", cwd=images)
    assert done.returncode == 2 and done.stderr.startswith(
        "pairreg: 2 of 3 pairs cannot be used, the first because cut.nii is cut off"
    )
    assert "3 runs, 3 to do" in done.stdout, "the table comes first"


def test_a_dry_run_says_that_they_can_be_used(pairreg, images):
    done = pairreg(*STUDY, "pair.moving=a.nii,b.nii", "similarity=mse,pcc", "dry_run=true", cwd=images)
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 runs, 4 to do" in done.stdout and "the files of 2 pairs can be used" in done.stdout
    assert not (images / "runs").exists()

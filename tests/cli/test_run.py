"""The `pairreg` command as its users meet it, in processes of its own."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_helpers import many
from pair_helpers import write_noise

QUICK = ("preset=smoke", "tracking=none", "transform=displacement")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    write_noise(folder, "fixed", "moving")
    sitk.WriteImage(sitk.Image([24, 20, 8], sitk.sitkFloat32) + 1, folder / "constant.nii.gz")
    sitk.WriteImage(sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(8, 20, 24))), folder / "volume.nii.gz")
    broken = np.ones((20, 24), np.float32)
    broken[3, 4] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(broken), folder / "nan.nii.gz")
    sitk.WriteImage(sitk.Image([24, 20], sitk.sitkUInt8), folder / "empty.nii.gz")
    return folder


FILES = ("pair=files", "pair.fixed=fixed.nii.gz", "pair.moving=moving.nii.gz")
REFUSED = {
    "missing file": (
        ("pair=files", "pair.fixed=fixed.nii.gz", "pair.moving=nowhere.nii.gz"),
        "nowhere.nii.gz does not",
    ),
    "missing argument": (("pair=files",), "pair.fixed is missing"),
    "unknown option": (("similarity=nccc",), "similarity option 'nccc' is not one of"),
    "unknown option in a list": (("similarity=[pcc,nccc]",), "similarity option 'nccc' is not one of"),
    "unknown preset": (("preset=smoek",), "did you mean 'smoke'?"),
    "unknown group": (("similarly=ncc",), "did you mean 'similarity'?"),
    "typo in a key": (("similarity=ncc", "similarity.ncc.windw=7"), "did you mean 'window'?"),
    "typo in an added key": (("similarity=ncc", "+similarity.ncc.windw=7"), "did you mean 'window'?"),
    "added top-level key": (("+sed=1",), "key 'sed' is not one of"),
    "wrong type": (("similarity=ncc", "similarity.ncc.window=many"), "similarity.ncc.window should be"),
    "wrong type at the top": (("seed=many",), "config.seed should be a valid integer"),
    "impossible value": (("similarity=ncc", "similarity.ncc.window=4"), "odd number"),
    "untrusted target": (("similarity.pcc._target_=os.system",), "outside the trusted modules"),
    "2-D against 3-D": (("pair=files", "pair.fixed=fixed.nii.gz", "pair.moving=volume.nii.gz"), "3-D"),
    "NaN voxels": (("pair=files", "pair.fixed=nan.nii.gz", "pair.moving=moving.nii.gz"), "1 NaN or infinite voxels"),
    "constant image": (("pair=files", "pair.fixed=volume.nii.gz", "pair.moving=constant.nii.gz"), "is constant"),
    "empty mask": ((*FILES, "pair.fixed_mask=empty.nii.gz"), "empty mask"),
    "two files, nothing else": (("fixed.nii.gz", "moving.nii.gz"), "given as pair=files pair.fixed=FILE pair.moving="),
    "a setting without its term": (("similarity=mi", "bins=64"), "whose it is; give similarity.mi.bins=VALUE."),
    "a setting without its group": (("pair=files", "fixed=fixed.nii.gz"), "whose it is; give pair.fixed=VALUE."),
    "several values of one run": (("similarity=mse,ncc",), "similarity has several values; add -m for a run with each"),
    "images without their group": (("fixed=a", "moving=b"), "give pair=files pair.fixed=VALUE pair.moving=VALUE."),
    "a group as an option": (("--preset", "fast"), "argument '--preset' is no option; write preset=fast."),
    "broken override": (("similarity=[ncc",), "ends within its brackets"),
    "a list that a shell took apart": (("similarity=[ncc,", "mse]"), "leave out blanks, or put it into quotes"),
    "an option that does not exist": (("--no-such-option",), "pairreg --help lists the options"),
    "Hydra's own help": (("--hydra-help",), "use --help"),
}


@pytest.fixture(scope="module")
def answers(images, tmp_path_factory):
    """What the command answers to bad input where TensorFlow cannot be imported, and the files that it leaves."""
    block = tmp_path_factory.mktemp("block")
    (block / "tensorflow.py").write_text("raise BaseException('TensorFlow was imported')")
    before = set(images.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(block))
        calls = [[*arguments, "output_dir=out"] for arguments, _ in REFUSED.values()]
        done = many("pairreg", calls, images, tmp_path_factory.mktemp("said"))
    return dict(zip(REFUSED, done, strict=True)), set(images.rglob("*")) - before


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_sentence_before_tensorflow_is_imported(name, answers):
    done = answers[0][name]
    assert done.returncode == 2, done.stderr
    assert REFUSED[name][1] in done.stderr
    assert done.stderr.startswith("pairreg: ") and len(done.stderr.splitlines()) == 1


def test_bad_input_leaves_nothing(answers):
    assert not answers[1]


def test_bad_input_in_a_multirun(pairreg, images):
    done = pairreg("similarity=ncc,nccc", "output_dir=out", "-m", cwd=images)
    assert done.returncode == 2 and "'nccc' is not one of" in done.stderr


def test_hydra_makes_no_folder_for_a_multirun(pairreg, tmp_path):
    for name in ("here", "temporary"):
        (tmp_path / name).mkdir()
    for launcher in ((), ("ablation=similarity_matched",), ("sweep=tradeoff",)):
        given = ("-m", "similarity=ncc,mse", "dry_run=true", *launcher)
        done = pairreg(*given, cwd=tmp_path / "here", TMPDIR=str(tmp_path / "temporary"))
        assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["here", "temporary"]


def test_the_version_is_that_of_the_package(pairreg, tmp_path):
    """And of its citation."""
    done = pairreg("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"pairreg {version('pairreg')}\n", "")
    citation = (Path(__file__).parents[2] / "CITATION.cff").read_text()
    assert f"\nversion: {version('pairreg')}\n" in citation


def test_help_shows_the_groups_and_commands_to_copy(pairreg, tmp_path):
    done = pairreg("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "similarity: " in done.stdout and "preset: " in done.stdout
    assert done.stdout.count("\n  pairreg") == 3


def test_a_pair_of_files_from_any_folder(pairreg, images, tmp_path):
    done = pairreg(*FILES, *QUICK, f"output_dir={tmp_path}", cwd=images)
    assert done.returncode == 0, done.stderr
    (result,) = tmp_path.rglob("result.json")
    assert json.loads(result.read_text())["metrics"]["iterations"] == 8
    assert f"results: {result.parent}" in done.stdout
    assert "before" in done.stdout and "after" in done.stdout
    assert (result.parent / "config.yaml").exists()
    log = (result.parent / "run.log").read_text()
    assert "iteration 1 " in log and "iteration 8 " in log and "pcc" in log


@pytest.mark.slow
def test_the_same_command_twice_gives_the_same_bytes(pairreg, tmp_path):
    """The default network on the bundled pair, in two processes."""
    fields = []
    for _ in range(2):
        done = pairreg("preset=smoke", "tracking=none", "output_dir=out", "rerun=true", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (file,) = tmp_path.rglob("displacement.nii.gz")
        fields.append(file.read_bytes())
        file.unlink()
    assert fields[0] == fields[1]


@pytest.mark.slow
def test_a_multirun_ends_with_a_table_of_what_varies(pairreg, tmp_path):
    done = pairreg("similarity=mse,[pcc,ssim]", "regularizer=diffusion,none", *QUICK, "-m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = done.stdout[done.stdout.index("4 runs") :]
    assert "pcc+ssim" in table and "none" in table and "Dice" in table and "transform" not in table
    assert len(list(tmp_path.rglob("result.json"))) == 4


def test_one_failing_run_of_many_is_named_and_the_others_finish(pairreg, tmp_path):
    """A mean that never forgets divides by nothing; the other run is fine."""
    done = pairreg("optimizer.beta_1=0.999999999999,0.9", *QUICK, "-m", cwd=tmp_path)
    assert done.returncode == 1
    assert len(list(tmp_path.rglob("result.json"))) == 1
    (error,) = tmp_path.rglob("error.txt")
    assert "DivergedError" in error.read_text()
    assert (error.parent / "history.csv").exists() and not (error.parent / "result.json").exists()
    assert re.search(r"(similarity|regularizer)/\w+ became \S+ at iteration \d+ \(level 1\)", done.stderr)


def test_a_schedule_of_keras_by_config_and_nothing_on_stderr(pairreg, tmp_path):
    schedule = "{_target_: keras.optimizers.schedules.CosineDecay, initial_learning_rate: 0.1, decay_steps: 8}"
    done = pairreg(*QUICK, f"optimizer.learning_rate={schedule}", "output_dir=out", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    (config,) = tmp_path.rglob("config.yaml")
    assert "CosineDecay" in config.read_text()

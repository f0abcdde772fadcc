"""Methods of others by the commands: studies, `--from`, `pairreg-evaluate`."""

import json
import sys

import mlflow
import numpy as np
import pytest
import SimpleITK as sitk

from command_helpers import installed, only_run
from pairreg import build as built

DEMONS = ("method=demons", "method.shrink=[8]", "method.iterations=[5]", "preset=smoke", "tracking=none")


@pytest.fixture
def evaluate():
    return installed("pairreg-evaluate")


@pytest.mark.slow
def test_a_study_of_methods_is_one_table_and_report(pairreg, tmp_path):
    quick = ("transform=displacement", "method=optimization,demons,bspline_itk", "preset=smoke")
    done = pairreg(*quick, "similarity=mse,pcc", "threads=2", "study=s", "-m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # The method of others has no similarity: both points of the sweep are one run.
    assert "4 runs" in done.stdout and len(list(tmp_path.glob("runs/s/*/result.json"))) == 4
    table = (tmp_path / "runs/s/report/table.csv").read_text()
    kept = mlflow.tracking.MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    experiment = kept.get_experiment_by_name("s")
    demons = kept.search_runs([experiment.experiment_id], "params.method = 'demons'")
    assert len(demons) == 1 and demons[0].data.metrics["dice_mean"] > 0 and demons[0].info.status == "FINISHED"
    assert not any(name.startswith("similarity") for name in demons[0].data.params)
    assert "demons" in table and "bspline_itk" in table and "startup_seconds" in table
    assert all(json.loads(path.read_text())["config"]["threads"] == 2 for path in tmp_path.glob("runs/s/*/result.json"))


def test_a_run_is_repeated_but_a_folder_does_not_say_which_program_runs(pairreg, tmp_path):
    assert pairreg(*DEMONS, cwd=tmp_path).returncode == 0
    run = only_run(tmp_path)
    again = pairreg("--from", run, cwd=tmp_path)
    assert again.returncode == 0 and "complete since an earlier command" in again.stdout
    script = tmp_path / "program.py"
    script.write_text(
        "import sys, SimpleITK as sitk\n"
        "sitk.WriteTransform(sitk.TranslationTransform(2), sys.argv[1] + '.tfm')\n"
        f"open({str(tmp_path / 'ran')!r}, 'a').write('x')\n"
    )
    command = f"method.command={sys.executable} {script} {{output}}"
    own = ("method=command", "method.result={output}.tfm", "tracking=none", "output_dir=other")
    done = pairreg(*own, command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    other = only_run(tmp_path / "other")
    refused = pairreg("--from", other, "rerun=true", cwd=tmp_path)
    assert refused.returncode == 2 and "method.command is missing" in refused.stderr
    assert (tmp_path / "ran").read_text() == "x"
    assert pairreg("--from", other, command, "rerun=true", cwd=tmp_path).returncode == 0
    assert (tmp_path / "ran").read_text() == "xx"


def test_a_program_that_has_changed_registers_again(pairreg, tmp_path):
    script = tmp_path / "reg.py"
    text = "import sys, SimpleITK as sitk\nsitk.WriteTransform(sitk.TranslationTransform(2, [{}, 0.0]), sys.argv[1])\n"
    asked = ("method=command", f"method.command={sys.executable} {script} {{output}}.tfm", "method.result={output}.tfm")
    for shift in (1.0, 2.0):
        script.write_text(text.format(shift))
        done = pairreg(*asked, "pair=thorax_ct_2d", "tracking=none", cwd=tmp_path)
        assert done.returncode == 0 and "complete since" not in done.stdout, done.stderr
    found = [sitk.ReadTransform(str(path)) for path in tmp_path.glob("runs/default/*/transform.h5")]
    assert sorted(transform.TransformPoint((0.0, 0.0))[0] for transform in found) == [1.0, 2.0]


def test_transforms_from_files_are_scored(evaluate, tmp_path):
    shift = sitk.TranslationTransform(2, [3.0, -2.0])
    sitk.WriteTransform(shift, str(tmp_path / "a=b, c.tfm"))
    sitk.WriteTransform(sitk.AffineTransform(2), str(tmp_path / "identity.tfm"))
    done = evaluate("a=b, c.tfm", "identity.tfm,identity.tfm", "pair=thorax_ct_2d", "tracking=none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in tmp_path.glob("runs/evaluate/*/result.json")]
    by_path = {str(one["config"]["method"]["path"]): one["metrics"] for one in found}
    assert all(one["provenance"]["command"].startswith("pairreg method=field study=evaluate") for one in found)
    same = by_path["['identity.tfm', 'identity.tfm']"]
    assert same["dice_mean"] == same["before/dice_mean"] != by_path["a=b, c.tfm"]["dice_mean"]
    assert "report:" in done.stdout and np.isfinite(same["ssim"])


def test_chains_with_an_inverse_are_scored(evaluate, tmp_path):
    """A shift and a turn do not commute: each chain is scored as ITK composes it, also beside one that is no list."""
    shift, turn = sitk.TranslationTransform(2, [6.0, -3.0]), sitk.AffineTransform(2)
    turn.Rotate(0, 1, 0.2)
    sitk.WriteTransform(shift, str(tmp_path / "shift, back.tfm"))
    sitk.WriteTransform(turn, str(tmp_path / "turn.mat"))
    given = ["[turn.mat,1],turn.mat", "turn.mat,[turn.mat, 1]", "[shift, back.tfm,1],turn.mat", "[turn.mat,1]"]
    done = evaluate(*given, "shift, back.tfm", "pair=thorax_ct_2d", "tracking=none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in tmp_path.glob("runs/evaluate/*/result.json")]
    by_path = {str(one["config"]["method"]["path"]): one["metrics"] for one in found}
    pair = built("pair/thorax_ct_2d")
    expected = {
        "['[turn.mat,1]', 'turn.mat']": sitk.Transform(2, sitk.sitkIdentity),
        "['turn.mat', '[turn.mat, 1]']": sitk.Transform(2, sitk.sitkIdentity),
        # The first file takes a point first, and the last transform of a composite does.
        "['[shift, back.tfm,1]', 'turn.mat']": sitk.CompositeTransform([turn, shift.GetInverse()]),
        "[turn.mat,1]": turn.GetInverse(),
        "shift, back.tfm": shift,
    }
    assert by_path.keys() == expected.keys()
    for path, transform in expected.items():
        warped = sitk.Resample(pair.moving_labels, pair.fixed_labels, transform, sitk.sitkNearestNeighbor)
        labels = [label for label in np.unique(sitk.GetArrayFromImage(pair.fixed_labels)) if label]
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(pair.fixed_labels, sitk.Cast(warped, pair.fixed_labels.GetPixelID()))
        theirs = np.mean([overlap.GetDiceCoefficient(int(label)) for label in labels])
        assert by_path[path]["dice_mean"] == pytest.approx(theirs, abs=1e-9), path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.tfm", "pair=thorax_ct_2d"), "pairreg: nowhere.tfm does not exist"),
        (("x.tfm,[nowhere.mat,1]", "pair=thorax_ct_2d"), "pairreg: x.tfm does not exist"),
        (("[nowhere.mat,1],x.tfm", "pair=thorax_ct_2d"), "pairreg: nowhere.mat does not exist"),
        (("pair=thorax_ct_2d",), "pairreg-evaluate: no transform is given"),
        (("x.tfm",), "pairreg-evaluate: no pair is given; add"),
        (("--format", "itc", "x.tfm", "pair=thorax_ct_2d"), "pairreg-evaluate: --format 'itc' is not one of"),
    ],
)
def test_what_cannot_be_scored_is_one_sentence(arguments, said, evaluate, tmp_path):
    done = evaluate(*arguments, "tracking=none", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith(said) and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())

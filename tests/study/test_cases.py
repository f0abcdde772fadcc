from pathlib import Path

import SimpleITK as sitk

from learn2reg_helpers import demo
from pair_helpers import refused
from pairreg import option_files
from pairreg.runs.outcome import RunOutcome, combined
from pairreg.runs.spec import RunSpec
from pairreg.study.cases import expand


def test_a_pattern_is_a_run_for_each_case(pairreg, pairreg_pack, warped_2d, tmp_path):
    for name in ("fixed", "moving"):
        sitk.WriteImage(warped_2d.image(name), tmp_path / f"{name}.nii.gz")
    rows = [f"{case},fixed.nii.gz,moving.nii.gz" for case in ("a1", "a2", "b")]
    (tmp_path / "cases.csv").write_text("\n".join(["case,fixed,moving", *rows]))
    assert pairreg_pack("cases.csv", "cases.h5", cwd=tmp_path).returncode == 0
    cases = ("pair=hdf5", "pair.file=cases.h5", "dry_run=true")
    everything = pairreg(*cases, cwd=tmp_path)
    assert everything.returncode == 0 and "3 runs, 3 to do" in everything.stdout
    some = pairreg(*cases, "pair.case=a*", "similarity=mse,pcc", "-m", cwd=tmp_path)
    assert some.returncode == 0 and "4 runs, 4 to do" in some.stdout
    assert "a1" in some.stdout and "a2" in some.stdout and " b " not in some.stdout
    none = pairreg(*cases, "pair.case=c*", cwd=tmp_path)
    assert none.returncode == 2 and "its cases are a1, a2, b" in none.stderr


def test_data_of_a_benchmark_that_are_not_there_are_said_to_be_where(tmp_path):
    pair = {**option_files.option_node("pair/learn2reg"), "dataset": str(tmp_path / "LungCT_dataset.json")}
    spec = RunSpec({"pair": pair, "trusted_modules": []}, {"benchmark": "learn2reg_lungct"})
    said = refused(tmp_path, expand, spec)
    assert "which does not exist; get LungCT from https://learn2reg.grand-challenge.org, and unpack it here" in said
    assert said.endswith("beside the folders imagesTr, masksTr and landmarksTr.")
    demo(tmp_path, task="LungCT")
    assert [one.choices for one in expand(spec)] == [{"benchmark": "learn2reg_lungct", "pair": "0001_0001"}]


def test_the_cases_of_a_job_count_as_their_mean_or_fail_together():
    good = RunOutcome("s1", Path("runs/s/s1"), {"dice_mean": 0.8, "tre_mean": 2.0})
    better = RunOutcome("s2", Path("runs/s/s2"), {"dice_mean": 0.9})
    assert combined([good]) is good
    both = combined([good, better])
    assert both.error is None and list(both.metrics) == ["dice_mean"] and abs(both.metrics["dice_mean"] - 0.85) < 1e-12
    assert combined([good, RunOutcome("s3", Path("runs/s/s3"), {}, "broken", "failed")]).error == "broken"

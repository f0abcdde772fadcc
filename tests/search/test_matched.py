"""Comparisons at equal regularity and at the best setting, with pairs that choose and pairs that judge: real runs."""

import csv
import json
import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import SimpleITK as sitk

from command_helpers import Command, many
from pairreg.composition import composed_with_hydra
from pairreg.errors import InputError
from pairreg.option_files import options
from pairreg.runs.read import Run
from pairreg.search.matched import MatchedSweeper
from pairreg.search.sweeper import _levels
from pairreg.study.compose import spec_of

QUICK = ("preset=smoke", "transform=displacement", "tracking=none", "study=s", "-m")
MATCHED = ("hydra/sweeper=pairreg_matched", "hydra.sweeper.match={sdlogj: 0.08}", *QUICK)
TWO = "pair=thorax_ct_2d,phantom_2d"
TUNE = "hydra.sweeper.tune=[thorax_ct_2d]"


@pytest.fixture(scope="module")
def matched(pairreg: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matched")
    done = pairreg(*MATCHED, "similarity=mse,pcc", "regularizer=diffusion", TWO, TUNE, cwd=folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    (folder / "said.txt").write_text(done.stdout)
    return folder


@pytest.fixture
def packed(pairreg_pack: Command, tmp_path: Path, warped_2d) -> Path:
    """A folder with three cases in one file, each another pair."""
    sitk.WriteImage(warped_2d.image("fixed"), str(tmp_path / "fixed.nii.gz"))
    rows = []
    for i in range(3):
        sitk.WriteImage(
            sitk.SmoothingRecursiveGaussian(warped_2d.image("moving"), 0.1 + i), f"{tmp_path}/moving_{i}.nii.gz"
        )
        rows.append(f"case_{i},fixed.nii.gz,moving_{i}.nii.gz\n")
    (tmp_path / "cases.csv").write_text(f"case,fixed,moving\n{''.join(rows)}")
    assert pairreg_pack("cases.csv", "cases.h5", cwd=tmp_path).returncode == 0
    return tmp_path


def comparison(folder: Path) -> dict:
    return json.loads((folder / "runs/s/comparison.json").read_text())


@pytest.mark.slow
def test_all_candidates_are_equally_regular_on_the_pairs_that_chose(matched: Path) -> None:
    found = comparison(matched)
    assert [one["label"] for one in found["candidates"]] == ["mse", "pcc"] and found["tuned_on"] == ["thorax_ct_2d"]
    weights = []
    for one in found["candidates"]:
        (chosen,) = (Run(matched / "runs/s" / name) for name in one["tried"][one["chosen"]])
        assert chosen.choices["pair"] == "thorax_ct_2d"
        assert chosen.metrics["sdlogj"] == pytest.approx(0.08, rel=0.05)
        weights.append(chosen.config["regularizer"]["diffusion"]["weight"])
    assert weights[0] < 0.7 * weights[1], "squared differences are smaller numbers than 1 - r"


@pytest.mark.slow
def test_the_table_has_the_other_pairs_alone_and_says_so(matched: Path) -> None:
    for one in comparison(matched)["candidates"]:
        (judged,) = (Run(matched / "runs/s" / name) for name in one["judged"])
        (chosen,) = (Run(matched / "runs/s" / name) for name in one["tried"][one["chosen"]])
        assert judged.choices["pair"] == "phantom_2d"
        assert judged.config["regularizer"] == chosen.config["regularizer"]
    rows = list(csv.DictReader((matched / "runs/s/report/table.csv").read_text().splitlines()))
    assert sorted(row["similarity"] for row in rows) == ["mse", "pcc"]
    page = (matched / "runs/s/report/index.html").read_text()
    said = " ".join((matched / "said.txt").read_text().split())
    reached = [
        re.search(rf"{one}: (0\.0\d+) at diffusion.weight [0-9.]+ \((\d+) settings tried\)", said)
        for one in ("mse", "pcc")
    ]
    assert all(float(one[1]) == pytest.approx(0.08, rel=0.05) for one in reached)
    assert [int(one[2]) for one in reached] == [len(one["tried"]) for one in comparison(matched)["candidates"]]
    note = "Compared at SD log J 0.08 ± 5 %; settings were chosen on thorax_ct_2d, which the table leaves out."
    assert note in page and note in said
    assert "against regularity" in page and (matched / "runs/s/report/figures/regularity.png").exists()


@pytest.mark.slow
def test_the_same_command_again_computes_nothing(matched: Path, pairreg: Command) -> None:
    before, results = comparison(matched), sorted(matched.rglob("result.json"))
    done = pairreg(*MATCHED, "similarity=mse,pcc", "regularizer=diffusion", TWO, TUNE, cwd=matched)
    assert done.returncode == 0 and " done" not in done.stdout
    assert comparison(matched) == before and sorted(matched.rglob("result.json")) == results


@pytest.mark.slow
def test_what_cannot_reach_the_value_is_left_out_with_its_nearest(pairreg: Command, tmp_path: Path) -> None:
    """Without a grid finer than the image, no weight makes a field this irregular."""
    done = pairreg(
        *MATCHED, "hydra.sweeper.match={sdlogj: 4}", "schedule.iterations=[2,2]", "similarity=mse,pcc", cwd=tmp_path
    )
    said = " ".join(done.stdout.split())
    assert done.returncode == 0 and "mse: SD log J 4 was not reached; nearest" in said
    assert all(one["chosen"] is None and not one["judged"] for one in comparison(tmp_path)["candidates"])
    page = (tmp_path / "runs/s/report/index.html").read_text()
    assert "No chosen setting has a result" in page and "mse: SD log J 4 was not reached; nearest" in page


NO_COMPARISON = [
    ([TWO, "hydra.sweeper.tune=[thorax]"], "no pair is called 'thorax'; the pairs are thorax_ct_2d, phantom_2d."),
    ([TWO, "hydra.sweeper.tune=['*_2d']"], "names all pairs"),
    (["regularizer=none,diffusion"], "regularizer=none has no strength to vary"),
    (["regularizer=diffusion", "regularizer.diffusion.weight=0"], "diffusion.weight is 0, which no factor changes"),
    (["similarity.pcc.weight=1", "similarity=pcc"], "nothing is compared"),
    (["hydra.sweeper.match={dice_mean: 0.9}"], "hydra.sweeper.match: metric 'dice_mean' is not one of folds"),
    (["hydra.sweeper.match={sdlogj: 0}"], "hydra.sweeper.match.sdlogj should be"),
    (["hydra.sweeper.match={}"], "has one metric and its value"),
    (["hydra.sweeper.match={sdlogj: 0.3, folds_percent: 1}"], "it has sdlogj, folds_percent."),
    (["hydra.sweeper.tolerance=0"], "hydra.sweeper.tolerance should be"),
    (["hydra.sweeper.vary=[transform.width]"], "hydra.sweeper.vary: key 'transform.width' is not one of"),
    (["transform.stride=interval(1,3)"], "transform.stride is compared and needs values"),
    (["similarity=mse,nothing"], "similarity option 'nothing' is not one of"),
    (["method=demons", "method.forces=symmetric,thirion"], "method=demons has no strength to vary; leave it out"),
    (["method=optimization,demons"], "method=demons has no strength to vary; leave it out"),
    (["ablation=transform_matched", "method=demons"], "method=demons has no strength to vary; leave it out"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[CompletedProcess[str]]:
    """What the command answers to each of `NO_COMPARISON`; asserts that it leaves nothing."""
    calls = []
    for arguments, _ in NO_COMPARISON:
        given = [] if any(one.startswith("similarity=") for one in arguments) else ["similarity=mse,pcc"]
        match = () if any("match" in one for one in arguments) else MATCHED[1:2]
        calls.append([*MATCHED[:1], *match, *MATCHED[2:], *given, *arguments])
    folder = tmp_path_factory.mktemp("nothing")
    done = many("pairreg", calls, folder, tmp_path_factory.mktemp("said"))
    assert not list(folder.iterdir())
    return done


@pytest.mark.parametrize("number", range(len(NO_COMPARISON)), ids=[" ".join(given) for given, _ in NO_COMPARISON])
def test_what_makes_no_comparison_is_one_sentence_before_any_run(
    answers: list[CompletedProcess[str]], number: int
) -> None:
    done = answers[number]
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert NO_COMPARISON[number][1] in done.stderr


def test_a_dry_run_shows_the_first_round(pairreg: Command, tmp_path: Path) -> None:
    done = pairreg(*MATCHED, "similarity=mse,pcc,mi", TWO, TUNE, "dry_run=true", cwd=tmp_path)
    assert done.returncode == 0 and "3 runs, 3 to do" in done.stdout and not list(tmp_path.iterdir())
    assert "looking for SD log J 0.08 ± 5 %: 3 candidates on 1 pairs and seeds a round" in done.stdout


def test_a_match_on_the_command_line_replaces_that_of_the_study_file(pairreg: Command, tmp_path: Path) -> None:
    given = ("hydra.sweeper.match={folds_percent: 0.5}", "hydra.sweeper.match.folds_percent=0.1", "similarity=mse,pcc")
    done = pairreg("ablation=similarity_matched", *given, *QUICK, "dry_run=true", cwd=tmp_path)
    assert done.returncode == 0 and "looking for folds 0.1 ± 5 %: " in done.stdout, done.stderr


OF_OTHERS = sorted({*options("method")} - {"optimization"})
NEEDED = {"command": ["method.command='register {fixed} {output}'"], "field": ["method.path=field.h5"]}


@pytest.mark.parametrize("method", OF_OTHERS)
def test_a_method_of_others_has_no_strengths_of_ours_and_one_level(method: str) -> None:
    overrides = [f"method={method}", *NEEDED.get(method, [])]
    spec = spec_of(composed_with_hydra(overrides), overrides)
    assert _levels(spec) == 1
    with pytest.raises(InputError, match=f"^method={method} has no strength to vary"):
        MatchedSweeper().strengths(spec)


def test_a_setting_of_a_method_of_others_may_vary(pairreg: Command, tmp_path: Path) -> None:
    method = ("method=demons", "method.forces=symmetric,diffeomorphic", "hydra.sweeper.vary=[method.smoothing]")
    done = pairreg(*MATCHED, *method, "dry_run=true", cwd=tmp_path)
    assert done.returncode == 0 and "2 runs, 2 to do" in done.stdout, done.stderr


@pytest.mark.slow
def test_methods_of_others_are_compared_at_equal_regularity(pairreg: Command, tmp_path: Path) -> None:
    method = ("method=demons", "method.forces=symmetric,diffeomorphic", "hydra.sweeper.vary=[method.smoothing]")
    done = pairreg(*MATCHED, *method, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    for one in comparison(tmp_path)["candidates"]:
        (chosen,) = (Run(tmp_path / "runs/s" / name) for name in one["tried"][one["chosen"]])
        assert chosen.metrics["sdlogj"] == pytest.approx(0.08, rel=0.05)
        assert chosen.config["method"]["forces"] == one["label"]


@pytest.mark.slow
def test_a_search_without_time_is_left_out_with_a_sentence(pairreg: Command, tmp_path: Path) -> None:
    search = ("hydra/sweeper=pairreg_search", "hydra.sweeper.objectives={dice_mean: maximize}", *QUICK)
    options = ("hydra.sweeper.minutes=0.01", "hydra.sweeper.per=[similarity]", "similarity=mse,pcc")
    done = pairreg(*search, *options, "regularizer.diffusion.weight=tag(log,interval(0.1,10))", cwd=tmp_path)
    assert done.returncode == 0 and "pcc: no trial is complete (0 complete trials)" in done.stdout, done.stderr
    first, second = comparison(tmp_path)["candidates"]
    assert first["chosen"] == 0 and len(first["judged"]) == 1
    assert second["chosen"] is None and not second["judged"]


@pytest.mark.slow
def test_the_best_setting_of_each_is_judged_on_the_other_pairs(pairreg: Command, tmp_path: Path) -> None:
    search = ("hydra/sweeper=pairreg_search", "hydra.sweeper.objectives={dice_mean: maximize}", *QUICK)
    options = ("hydra.sweeper.trials=3", "hydra.sweeper.per=[similarity]", "similarity=mse,pcc", TWO, TUNE)
    command = (*search, *options, "regularizer.diffusion.weight=tag(log,interval(0.1,10))")
    done = pairreg(*command, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    found = comparison(tmp_path)
    assert [one["label"] for one in found["candidates"]] == ["mse", "pcc"]
    for one in found["candidates"]:
        dice = [Run(tmp_path / "runs/s" / name).metrics["dice_mean"] for (name,) in one["tried"]]
        assert len(dice) == 3 and one["chosen"] == dice.index(max(dice))
        (judged,) = (Run(tmp_path / "runs/s" / name) for name in one["judged"])
        assert judged.choices["pair"] == "phantom_2d"
    said = " ".join(done.stdout.split())
    assert "Compared at the best dice_mean of a search each; settings were chosen on thorax_ct_2d" in said
    assert re.search(r"were chosen: mse: dice_mean 0\.\d+ \(3 complete trials\); pcc: dice_mean 0", said)
    page = (tmp_path / "runs/s/report/index.html").read_text()
    assert "against regularity" in page
    assert page.index("Search for mse") < page.index("Search for pcc") and page.count("<h3>Importances</h3>") == 2


@pytest.mark.slow
def test_all_cases_of_a_file_may_choose_and_judge(packed: Path, pairreg: Command) -> None:
    search = ("hydra/sweeper=pairreg_search", "hydra.sweeper.objectives={ssim: maximize}", *QUICK)
    options = ("hydra.sweeper.trials=2", "hydra.sweeper.per=[similarity]", "similarity=mse,pcc", "pair=hdf5")
    weight = "regularizer.diffusion.weight=tag(log,interval(0.1,10))"
    done = pairreg(*search, *options, "pair.file=cases.h5", "pair.case=*", weight, cwd=packed)
    assert done.returncode == 0, done.stderr
    for one in comparison(packed)["candidates"]:
        assert [len(some) for some in one["tried"]] == [3, 3] and len(one["judged"]) == 3
        assert all((packed / "runs/s" / name / "result.json").exists() for some in one["tried"] for name in some)


@pytest.mark.slow
def test_cases_of_a_file_are_split_by_name(packed: Path, pairreg: Command) -> None:
    """With a tolerance of any value, so that the first factor is accepted."""
    cases = ("pair=hdf5", "pair.file=cases.h5", "pair.case=*", "hydra.sweeper.tune=[case_0,case_1]")
    done = pairreg(*MATCHED, "hydra.sweeper.tolerance=100", "similarity=mse,pcc", *cases, cwd=packed)
    assert done.returncode == 0, done.stderr
    for one in comparison(packed)["candidates"]:
        tried = [[Run(packed / "runs/s" / s).choices["pair"] for s in some] for some in one["tried"]]
        assert tried == [["case_0", "case_1"]]
        assert [Run(packed / "runs/s" / s).choices["pair"] for s in one["judged"]] == ["case_2"]

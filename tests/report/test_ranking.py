"""Statistics against hand calculations and SciPy."""

import csv
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wilcoxon

from pairreg.errors import InputError
from pairreg.metrics.catalogue import Metric, all_columns, find
from pairreg.report.design import Design
from pairreg.report.ranking import Ranking, holm, rank, rank_study
from pairreg.report.study_runs import read_study, together
from pairreg.report.tables import summary, terminal_table, write_csv
from pairreg.runs.comparison import Candidate, Comparison

Write = Callable[..., Path]


def ranking(study: Path, reference: str | None = None) -> Ranking:
    return rank(Design.of(read_study(study).runs), reference)


def write_dice(write_run: Write, dice: dict[str, list[float]], **more: dict[str, float]) -> None:
    """Runs of each similarity on pairs of consecutive numbers."""
    for similarity, values in dice.items():
        for i, value in enumerate(values):
            write_run(
                f"{similarity}{i}", similarity=similarity, pair={"case": f"{i}"}, metrics={"dice_mean": value}, **more
            )


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]


def test_means_deviations_ranks_and_best_by_hand(write_run: Write, study: Path) -> None:
    write_dice(write_run, {"mse": [0.5, 0.7], "ncc": [0.6, 0.9], "pcc": [0.6, 0.8]})
    found = ranking(study)
    dice = found.columns["dice_mean"]
    assert dice.means == pytest.approx([0.6, 0.75, 0.7])
    assert dice.deviations == pytest.approx(np.sqrt([0.02, 0.045, 0.02]))
    assert dice.best == [False, True, False]
    assert found.ranks == pytest.approx([3, 1.25, 1.75])  # ncc and pcc share 1 and 2 on the first pair
    assert found.order == [1, 2, 0]
    assert not found.tested
    assert any("2 pairs are too few" in note for note in found.notes)


def test_settings_that_print_the_same_are_both_best_and_less_folding_is_better(write_run: Write, study: Path) -> None:
    for name, folds in (("mse", 0.1001), ("ncc", 0.1002), ("pcc", 0.2)):
        write_run(name, similarity=name, metrics={"folds_percent": folds})
    found = ranking(study)
    assert found.columns["folds_percent"].best == [True, True, False]
    assert found.columns["seconds"].best == [False, False, False]


def test_what_all_settings_have_alike_is_nobodys_best(write_run: Write, study: Path) -> None:
    write_dice(write_run, {"mse": [0.5], "ncc": [0.6]})
    found = ranking(study)
    assert found.columns["folds_percent"].best == [False, False]
    assert found.columns["dice_mean"].best == [False, True]


def test_a_note_says_what_ranks(write_run: Write, study: Path) -> None:
    write_dice(write_run, {"mse": [0.5, 0.6, 0.7], "ncc": [0.6, 0.7, 0.8]})
    assert ranking(study).notes[0] == "Ranked by Dice. Mean ranks are over 3 pairs."


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ((0.1, 0.0, 0.0), None),
        ((0.4, 0.3, 0.05), "The first setting, mse, folds 0.400 % of the voxels; the best that folds at most 0.1 % is "
                           "pcc, with 0.050 %."),
        ((0.4, 0.3, 0.2), "The first setting, mse, folds 0.400 % of the voxels; and so does every other one."),
        ((0.05, 0.3, 0.2), None),
    ],
)  # fmt: skip
def test_a_first_setting_that_folds_is_told(
    write_run: Write, study: Path, folds: tuple[float, ...], said: str | None
) -> None:
    for name, dice, folded in zip(("mse", "ncc", "pcc"), (0.9, 0.8, 0.7), folds, strict=True):
        write_run(name, similarity=name, metrics={"dice_mean": dice, "folds_percent": folded})
    assert [note for note in ranking(study).notes if "folds" in note] == ([said] if said else [])


def test_p_values_are_wilcoxons_after_holm(write_run: Write, study: Path) -> None:
    rng = np.random.default_rng(3)
    dice = {name: list(rng.uniform(0.5, 0.9, 8)) for name in ("mse", "ncc", "pcc")}
    write_dice(write_run, dice)
    found = ranking(study, "similarity=ncc")
    raw = {name: wilcoxon(dice[name], dice["ncc"]).pvalue for name in ("mse", "pcc")}
    low, high = sorted(raw, key=raw.__getitem__)
    expected = {low: min(1, 2 * raw[low])}
    expected[high] = max(expected[low], raw[high])
    assert [found.p[0], found.p[2]] == pytest.approx([expected["mse"], expected["pcc"]])
    assert found.p[1] is None and found.reference == 1


def test_six_pairs_that_all_agree_by_hand(write_run: Write, study: Path) -> None:
    write_dice(write_run, {"mse": [0.5, 0.51, 0.52, 0.53, 0.54, 0.55], "ncc": [0.6, 0.62, 0.64, 0.66, 0.68, 0.7]})
    assert ranking(study).p == [pytest.approx(2 / 2**6), None]


def test_equal_values_are_no_evidence(write_run: Write, study: Path) -> None:
    same = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7]
    write_dice(write_run, {"mse": same, "ncc": same})
    assert ranking(study).p == [None, 1.0]


def test_pairs_that_a_setting_lacks_are_left_out_and_named(write_run: Write, study: Path) -> None:
    write_dice(write_run, {"mse": [0.5, 0.7, 0.1], "ncc": [0.6, 0.9]})
    found = ranking(study)
    assert found.columns["dice_mean"].means == pytest.approx([0.6, 0.75])
    assert "Left out, as not every setting has a result there: 2." in found.notes


def test_nothing_is_ranked_without_a_common_pair(write_run: Write, study: Path) -> None:
    write_run("a", similarity="mse", pair={"case": "1"})
    write_run("b", similarity="ncc", pair={"case": "2"})
    found = ranking(study)
    assert np.isnan(found.ranks).all()
    assert not any(found.columns["ssim"].best)
    assert found.notes[0].startswith("No pair has been run with every setting")


def test_seeds_are_averaged_within_pairs(write_run: Write, study: Path) -> None:
    values = {("1", 0): 0.5, ("1", 1): 0.7, ("2", 0): 0.9, ("2", 1): 0.9}
    for (case, seed), dice in values.items():
        write_run(f"{case}{seed}", pair={"case": case}, seed=seed, metrics={"dice_mean": dice})
    dice_mean = ranking(study).columns["dice_mean"]
    assert dice_mean.values[0] == pytest.approx([0.6, 0.9])


@pytest.mark.parametrize("spread", [0.0, 0.01])
def test_seeds_of_one_pair_count_only_if_they_change_something(write_run: Write, study: Path, spread: float) -> None:
    for seed in range(6):
        for similarity, dice in (("mse", 0.5), ("ncc", 0.8)):
            value = {"dice_mean": dice + spread * seed}
            write_run(f"{similarity}{seed}", similarity=similarity, seed=seed, metrics=value)
    found = ranking(study)
    assert found.tested == (spread > 0)
    assert any("the 6 seeds give equal results" in note for note in found.notes) == (spread == 0)


def test_a_metric_that_is_not_a_number_is_not_left_out_of_the_mean(write_run: Write, study: Path) -> None:
    write_dice(write_run, {"mse": [0.5, float("nan")], "ncc": [0.4, 0.4]})
    found = ranking(study)
    assert np.isnan(found.columns["dice_mean"].means[0])
    assert found.ranks == pytest.approx([1.5, 1.5])


def test_landmarks_decide_without_labels_and_less_is_better(write_run: Write, study: Path) -> None:
    write_run("a", similarity="mse", metrics={"tre_mean": 2.0})
    write_run("b", similarity="ncc", metrics={"tre_mean": 3.0})
    found = ranking(study)
    assert found.primary is not None and found.primary.name == "tre_mean"
    assert found.ranks == pytest.approx([1, 2])


EARLY = [metric for metric in all_columns() if find(f"before/{metric.name}") is not None]


@pytest.mark.parametrize("metric", EARLY, ids=lambda metric: metric.name)
def test_what_differs_before_the_registration_is_over_other_things(
    write_run: Write, study: Path, metric: Metric
) -> None:
    """Every metric that there is before: over labels, landmarks or images that are not those of the other setting."""
    name = metric.name
    for similarity, value, before in (("mse", 1.0, 5.0), ("ncc", 2.0, 6.0)):
        write_run(similarity, similarity=similarity, metrics={name: value, f"before/{name}": before})
    found = ranking(study)
    column = found.columns[name]
    assert not column.comparable and not column.over_same and column.best == [False, False]
    assert metric.decides is None or np.isnan(found.ranks).all()
    (note,) = (note for note in found.notes if "so not comparable" in note)
    assert metric.label in note and ("images" in note) == (metric.kind == "images")


@pytest.mark.parametrize("before", [(0.3, 0.3 * (1 + 1e-7)), (1e-9, -1e-9), (math.nan, math.nan), (math.inf, math.inf)])
def test_last_digits_before_the_registration_are_those_of_the_machine(
    write_run: Write, study: Path, before: tuple[float, float]
) -> None:
    for similarity, value, early in zip(("mse", "ncc"), (0.7, 0.8), before, strict=True):
        write_run(similarity, similarity=similarity, metrics={"ssim": value, "before/ssim": early})
    found = ranking(study)
    assert found.columns["ssim"].best == [False, True] and found.ranks.tolist() == [2, 1]
    assert not any("not comparable" in note for note in found.notes)


def test_pairs_may_differ_before_the_registration(write_run: Write, study: Path) -> None:
    for similarity, value in (("mse", 0.7), ("ncc", 0.8)):
        for case, before in (("1", 0.3), ("2", 0.6)):
            metrics = {"ssim": value, "before/ssim": before}
            write_run(f"{similarity}{case}", similarity=similarity, pair={"case": case}, metrics=metrics)
    assert ranking(study).columns["ssim"].best == [False, True]


def test_similarity_of_images_that_are_not_the_same_is_not_compared_where_labels_are(
    write_run: Write, study: Path
) -> None:
    """As with another preprocessing each, whose Dice is of the same labels."""
    for similarity, dice, before in (("mse", 0.7, 0.5), ("ncc", 0.8, 0.6)):
        metrics = {"dice_mean": dice, "before/dice_mean": 0.4, "ssim": 0.9 - before, "before/ssim": before}
        write_run(similarity, similarity=similarity, metrics=metrics)
    found = ranking(study)
    assert found.ranks.tolist() == [2, 1] and found.columns["dice_mean"].best == [False, True]
    assert found.columns["ssim"].best == [False, False]


def test_each_pair_is_ranked_by_the_best_that_is_known_of_it(write_run: Write, study: Path) -> None:
    """Landmarks where a pair has them, else labels; a pair with neither has no rank. The test is of one metric."""
    for similarity, tre, dice in (("mse", 2.0, 0.5), ("ncc", 1.0, 0.6), ("pcc", 3.0, 0.7)):
        write_run(
            f"{similarity}a", similarity=similarity, pair={"case": "a"}, metrics={"tre_mean": tre, "dice_mean": 0.9}
        )
        for case in "bcdefg":
            write_run(f"{similarity}{case}", similarity=similarity, pair={"case": case}, metrics={"dice_mean": dice})
        write_run(f"{similarity}h", similarity=similarity, pair={"case": "h"}, metrics={"ssim": 1 - dice})
    found = ranking(study)
    assert found.ranks == pytest.approx([(2 + 6 * 3) / 7, (1 + 6 * 2) / 7, (3 + 6 * 1) / 7])
    assert found.primary is not None and found.primary.name == "dice_mean"
    said = {pair: metric.name for pair in "abh" if (metric := found.metric_of(pair))}
    assert said == {"a": "tre_mean", "b": "dice_mean", "h": "dice_mean"}
    notes = " ".join(found.notes)
    assert "Ranked by TRE on 1 pair and Dice on 6 pairs, where nothing better is known." in notes
    assert found.tested and "p: Dice against the reference, pcc, over 7 pairs" in notes


def test_a_metric_that_a_setting_lacks_gives_way_to_the_next_but_not_to_a_similarity(
    write_run: Write, study: Path
) -> None:
    for similarity, metrics in (("mse", {"tre_mean": 1.0, "ssim": 0.9}), ("ncc", {"ssim": 0.8})):
        write_run(f"{similarity}a", similarity=similarity, metrics=metrics)
    assert np.isnan(ranking(study).ranks).all(), "its landmarks were given to the objective"
    for similarity, dice in (("mse", 0.8), ("ncc", 0.9)):
        write_run(f"{similarity}b", similarity=similarity, pair={"case": "b"}, metrics={"dice_mean": dice})
    found = ranking(study)
    assert found.ranks == pytest.approx([2, 1]) and found.primary is not None and found.primary.name == "dice_mean"


@pytest.mark.parametrize("newest", ["a", "b"])
def test_of_runs_that_share_setting_pair_and_seed_the_newest_counts(
    write_run: Write, study: Path, tmp_path: Path, newest: str
) -> None:
    """As where a label map was replaced under its name: in all tables alike, whatever the folders are called."""
    values = {"a": {"mse": 0.2, "ncc": 0.3}, "b": {"mse": 0.7, "ncc": 0.6}}
    for name, dice in values.items():
        for similarity, value in dice.items():
            folder = write_run(f"{name}_{similarity}", similarity=similarity, metrics={"dice_mean": value})
            time = 2000.0 if name == newest else 1000.0
            os.utime(folder / "result.json", (time, time))
    found = ranking(study)
    expected = values[newest]
    dice_mean = found.columns["dice_mean"]
    assert [one.tolist() for one in dice_mean.values] == [[expected["mse"]], [expected["ncc"]]]
    assert found.ranks.tolist() == ([2, 1] if newest == "a" else [1, 2])
    assert summary(found)["dice_mean/mse/mean"] == expected["mse"]
    write_csv(found, tmp_path / "table.csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert {row["similarity"]: float(row["dice_mean mean"]) for row in rows} == expected
    assert terminal_table(found).title == "2 runs"
    assert "Left out: 2 earlier runs of the same settings (other inputs or code)." in found.notes


def test_where_every_run_counts_nothing_is_said_of_others(write_run: Write, study: Path) -> None:
    write_dice(write_run, {"mse": [0.5, 0.7], "ncc": [0.6]})
    assert not any("earlier" in note for note in ranking(study).notes)


def test_results_that_python_has_saved_under_one_name_in_two_studies_are_two(write_run: Write, study: Path) -> None:
    """Their folders are called as the user likes; that of a command is called by what it is of."""
    other = study.with_name("other")
    for folder, dice in ((other, 0.5), (study, 0.9)):
        for name, config in (("p1", {}), ("0123abcd", None)):
            path = write_run(name, metrics={"dice_mean": dice})
            if config is not None:
                content = json.loads((path / "result.json").read_text())
                (path / "result.json").write_text(json.dumps(content | {"config": config, "choices": {}}))
        if folder is other:
            study.rename(other)
    found = together([study, other], study.with_name("both")).runs
    assert sorted(run.folder.relative_to(study.parent).as_posix() for run in found if not run.config) == [
        "made/p1", "other/p1",
    ]  # fmt: skip
    assert len(found) == 3


UNREACHED = {
    "no candidate reached the value": [None, None],
    "the runs that should judge have no result": [["gone"], []],
}


@pytest.mark.parametrize("judged", UNREACHED.values(), ids=UNREACHED)
def test_a_study_of_which_nothing_is_judged_says_that_it_ranks_what_was_tried(
    write_run: Write, study: Path, judged: list[list[str] | None]
) -> None:
    for name, similarity, weight in (("a", "mse", 1), ("b", "mse", 2), ("c", "ncc", 1)):
        write_run(name, similarity=similarity, weights={"diffusion": weight}, metrics={"dice_mean": 0.5, "sdlogj": 0.3})
    candidates = [
        Candidate("mse", [["a"], ["b"]], None if judged[0] is None else 1, judged[0] or [], "SD log J was not reached"),
        Candidate("ncc", [["c"]], None if judged[1] is None else 0, judged[1] or [], "run c failed"),
    ]
    Comparison("at SD log J 4 ± 5 %", "sdlogj", [], candidates).write(study)
    found = rank_study(read_study(study))
    assert len(found.design.settings) == 3 and found.asked == "sdlogj"
    assert found.notes[0].startswith("No chosen setting has a result: the table has every setting that was tried")
    assert found.notes[1:3] == ["mse: SD log J was not reached.", "ncc: run c failed."]
    assert not any("Compared at" in note for note in found.notes)
    with pytest.raises(InputError, match="made has a result with no setting that it chose; report on it alone"):
        together([study, study], study.with_name("both"))


def test_a_reference_names_one_setting(write_run: Write, study: Path) -> None:
    for i, (similarity, regularizer) in enumerate([("mse", "diffusion"), ("ncc", "diffusion"), ("ncc", "elastic")]):
        write_run(f"{i}", similarity=similarity, regularizer=regularizer, window=[i, 1])
    assert ranking(study, "similarity=ncc,regularizer=elastic").reference == 2
    assert ranking(study, "window=[1, 1],similarity=ncc").reference == 1
    for wrong, words in {
        "similarity=ncc": "fits ncc · diffusion",
        "similarity=mi": "similarity is one of mse, ncc",
        "transform=unet": "'transform' does not vary",
        "mse": "'mse' does not vary",
    }.items():
        with pytest.raises(InputError, match=words):
            ranking(study, wrong)

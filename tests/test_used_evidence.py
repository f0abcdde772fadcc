"""What an objective was given does not count in the evaluation: it has metrics of its own, `used/…`."""

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg import evaluate, geometry, metrics
from pairreg.metrics.catalogue import CATALOGUE, all_columns, find
from pairreg.optimization.evidence import Used, check_evidence
from pairreg.optimization.objective import Objective
from pairreg.report.design import Design
from pairreg.report.ranking import rank
from pairreg.report.study_runs import read_study
from pairreg.report.tables import write_csv, write_tex
from pairreg.runs.difference import Difference
from pairreg.runs.read import Run
from pairreg.schedule.single_level import SingleLevel
from pairreg.similarity.landmarks import Landmarks

RUN = {
    "preprocessing": "minmax",
    "initialization": "none",
    "transform": "displacement",
    "schedule": SingleLevel(iterations=15),
}


@pytest.fixture(scope="module")
def labelled(warped_2d):
    """Stripes as labels 1 to 4, and points, with the true displacement between fixed and moving."""
    points = np.array([[20.0, 20.0], [30.0, 40.0], [40.0, 25.0], [25.0, 30.0], [35.0, 35.0]])
    shape = warped_2d.fixed.shape
    rows = np.arange(shape[0])[:, None] + np.zeros(shape)
    fixed = np.clip((rows + warped_2d.truth[..., 0]) // 12, 0, 4).astype(np.uint8)
    at = points[:, ::-1].astype(int)
    shift = warped_2d.truth[at[:, 0], at[:, 1]][:, ::-1]
    return dataclasses.replace(
        warped_2d.pair(),
        fixed_labels=sitk.GetImageFromArray(fixed),
        moving_labels=sitk.GetImageFromArray(np.clip(rows // 12, 0, 4).astype(np.uint8)),
        fixed_landmarks=points,
        moving_landmarks=points + shift,
        label_names={2: "second"},
    )


def test_of_labels_and_landmarks_the_given_ones_have_their_own_metrics(labelled):
    identity, field = geometry.identity(2), np.zeros((*labelled.fixed.GetSize()[::-1], 2), np.float32)
    every = evaluate.evaluate(labelled, identity, identity, field, None)
    parted = evaluate.evaluate(labelled, identity, identity, field, None, {2, 3}, {0, 2, 4})
    labels = {"dice/1", "dice/4"}, {"dice/second", "dice/3"}
    for prefix, names in zip(("", "used/"), labels, strict=True):
        assert {n for n in parted if n.startswith(f"{prefix}dice/")} == {f"{prefix}{n}" for n in names}
        assert parted[f"{prefix}dice_mean"] == pytest.approx(np.mean([every[n] for n in names]))
        assert parted[f"before/{prefix}dice_mean"] == parted[f"{prefix}dice_mean"]
    distances = metrics.tre(labelled.fixed_landmarks, labelled.moving_landmarks)
    assert parted["tre_mean"] == pytest.approx(distances[[1, 3]].mean())
    assert parted["used/tre_mean"] == pytest.approx(distances[[0, 2, 4]].mean())
    assert (parted["tre_points"], parted["used/tre_points"]) == (2, 3)
    assert not any(name.startswith("used/") or "/used/" in name for name in every)
    assert all(find(name) is not None for name in parted)


def test_a_run_is_evaluated_by_what_it_was_not_given(labelled):
    dice = pairreg.build("similarity/dice", label_weights={"second": 1.0})
    terms = {"mse": pairreg.build("similarity/mse"), "dice": dice, "points": Landmarks(subset="even")}
    found = pairreg.register(labelled, similarity=terms, **RUN).metrics
    assert {name for name in found if name.startswith("used/dice/")} == {"used/dice/second"}
    assert {name for name in found if name.startswith("dice/")} == {"dice/1", "dice/3", "dice/4"}
    assert found["used/dice_mean"] > found["before/used/dice_mean"]
    assert found["used/tre_mean"] < 0.7 * found["before/used/tre_mean"]
    assert (found["tre_points"], found["used/tre_points"]) == (2, 3)


def test_a_term_without_weight_is_given_its_data_too(labelled):
    """So a baseline is evaluated over the same as what it is compared with."""
    objective = Objective({"points": Landmarks(weight=0.0, subset=[1])}, {})
    assert check_evidence(labelled, [objective]) == Used(frozenset(), frozenset({1}))


def test_rows_of_the_given_are_found_and_never_decide():
    row = find("used/dice/second")
    assert row is not None and row.name == "used/dice_mean" and row.label == "Dice (used)" and row.decides is None
    assert find("before/used/tre_mean") is not None
    assert find("used/ssim") is None and find("used/seconds") is None
    assert [one.name for one in all_columns()[: len(CATALOGUE)]] == [one.name for one in CATALOGUE]


def metrics_of(given: bool, dice: float) -> dict[str, float]:
    held_out = {"dice_mean": dice, "before/dice_mean": 0.5 if given else 0.4, "dice/a": dice}
    return {**held_out, "used/dice_mean": 0.99, "before/used/dice_mean": 0.3} if given else held_out


def test_tables_mark_them_and_rank_by_the_others(write_run, study, tmp_path):
    for name, dice in (("mse", 0.6), ("ncc", 0.7)):
        write_run(name, similarity=name, metrics=metrics_of(True, dice))
    found = rank(Design.of(read_study(study).runs))
    assert found.primary is not None and found.primary.name == "dice_mean" and found.ranks.tolist() == [2, 1]
    assert any("(used)" in note for note in found.notes)
    write_csv(found, tmp_path / "table.csv")
    write_tex(found, tmp_path / "table.tex")
    assert "used/dice_mean mean" in (tmp_path / "table.csv").read_text()
    body = [line for line in (tmp_path / "table.tex").read_text().splitlines() if not line.startswith("%")]
    assert not any("used" in line or "0.990" in line for line in body)


def test_settings_over_different_labels_are_not_ranked(write_run, study):
    write_run("mse", similarity="mse", metrics=metrics_of(False, 0.6))
    write_run("ncc", similarity="ncc", metrics=metrics_of(True, 0.7))
    found = rank(Design.of(read_study(study).runs))
    assert np.isnan(found.ranks).all() and found.columns["dice_mean"].best == [False, False]
    assert any(
        "Over different labels or landmarks in different settings, so not comparable: Dice" in n for n in found.notes
    )


def test_two_runs_differ_in_them_under_their_own_name(write_run):
    first, second = (write_run(name, metrics=metrics_of(True, dice)) for name, dice in (("a", 0.6), ("b", 0.7)))
    rows = Difference(Run.complete(first), Run.complete(second)).metrics()
    assert [row.metric.name for row in rows if "dice" in row.metric.name] == ["dice_mean", "used/dice_mean"]

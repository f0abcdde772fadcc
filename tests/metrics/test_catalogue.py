"""One table names, formats and computes all metrics, and every table of a study follows it."""

import csv
import importlib
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pairreg import evaluate
from pairreg.figures.html import metrics_table
from pairreg.metrics import catalogue
from pairreg.metrics.catalogue import CATALOGUE, Metric, deciding, find
from pairreg.report.design import Design
from pairreg.report.ranking import rank
from pairreg.report.study_runs import read_study
from pairreg.report.write import write_report
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.study.table import run_table, study_table

OFFERED = {
    "images": {"fixed", "warped", "mask", "known"},
    "labels": {
        "fixed_labels",
        "warped_labels",
        "moving_labels",
        "spacing",
        "fixed_spacing",
        "moving_spacing",
        "labels",
    },
    "landmarks": {"mapped_points", "target_points", "mapped_voxels", "target_voxels", "voxel_size", "inside"},
    "truth": {"found", "true", "mask"},
    "submission": {
        "submitted",
        "fixed_voxels",
        "target_voxels",
        "voxel_size",
        "fixed_labels",
        "warped_labels",
        "labels",
        "fixed_landmark_map",
        "warped_landmark_map",
        "landmark_values",
    },
    "field": {"field", "submitted", "measured"},
    "inverse": {"field", "inverse"},
}
LATE = ("epe_mean", "inverse_consistency", "sdlogj", "sdlogj_l2r", "ndv_percent")  # what tables once forgot


def test_names_are_unique_and_so_are_the_places_in_a_ranking():
    assert len({row.name for row in CATALOGUE}) == len(CATALOGUE)
    assert [row.name for row in deciding()] == ["epe_mean", "tre_mean", "dice_mean", "ssim"]
    assert len({row.decides for row in deciding()}) == len(deciding())


@pytest.mark.parametrize("row", [row for row in CATALOGUE if row.kind != "cost"], ids=lambda row: row.name)
def test_a_function_asks_for_what_its_kind_offers(row):
    module, _, name = row.function.rpartition(".")
    function = getattr(importlib.import_module(f"pairreg.metrics.{module}"), name)
    needed = {key for key, p in inspect.signature(function).parameters.items() if p.default is p.empty}
    assert needed and needed <= OFFERED[row.kind]
    assert function.__doc__


def test_a_metric_is_found_by_all_of_its_names():
    assert find("dice/lung") is find("dice_mean") is find("before/dice/lung") is find("initial/dice_mean")
    assert find("dice/lung").name == "dice_mean" and find("volume_change/1").name == "volume_change"
    assert find("ssim/lung") is None and find("nothing") is None
    assert find("volume_change") is None, "it has no mean"
    assert find("before/seconds") is find("initial/folds_percent") is None, "there is none before the registration"
    assert find("hd95_mean").title == "HD95 (mm) ↓" and find("sdlogj").title == "SD log J"


def evidence(error: float) -> dict[str, dict[str, object]]:
    """What metrics of each kind are computed from, of a registration that is perfect or errs by some voxels of 1 mm."""
    rng = np.random.default_rng(0)
    fixed, labels, noise = rng.random((30, 32)), np.zeros((30, 32), int), error * rng.normal(size=(30, 32, 2))
    labels[8:20, 9:25] = 1
    volume = error * rng.normal(size=(9, 8, 7, 3))
    solid = np.stack([0 * labels, labels, labels, 0 * labels])
    shift = round(error)
    spacing = dict.fromkeys(("spacing", "fixed_spacing", "moving_spacing"), (1.0, 1.0))
    warped = {"warped_labels": np.roll(labels, shift), "moving_labels": labels, "labels": [1]}
    return {
        "images": {"fixed": fixed, "warped": np.roll(fixed, shift), "mask": None, "known": fixed > 0},
        "labels": {"fixed_labels": labels, **warped, **spacing},
        "landmarks": {
            "mapped_points": noise[0],
            "target_points": 0 * noise[0],
            "mapped_voxels": noise[0],
            "target_voxels": 0 * noise[0],
            "voxel_size": (1.0, 1.0),
            "inside": np.ones(32, bool),
        },
        "truth": {"found": noise, "true": 0 * noise, "mask": None},
        "field": {"field": noise, "submitted": volume, "measured": np.ones(volume.shape[:-1], bool)},
        "submission": {
            "submitted": noise,
            "fixed_voxels": np.full((1, 2), 9.0),
            "target_voxels": np.full((1, 2), 9.0),
            "voxel_size": (1.0, 1.0),
            "fixed_labels": solid,
            "warped_labels": np.roll(solid, shift, 1),
            "labels": [1],
            "fixed_landmark_map": solid,
            "warped_landmark_map": np.roll(solid, shift, 1),
            "landmark_values": [1],
        },
        "inverse": {"field": noise, "inverse": 0 * noise},
    }


@pytest.mark.parametrize("row", [row for row in CATALOGUE if row.kind != "cost"], ids=lambda row: row.name)
def test_the_direction_is_that_from_a_poor_to_a_perfect_registration(row):
    perfect, poor = (evidence(error)[row.kind] for error in (0, 3))
    good, bad = (evaluate.metrics_of_kind(row.kind, one) for one in (perfect, poor))
    assert (f"{row.stem}/1" in good) == row.per_label
    if row.direction:
        assert np.sign(good[row.name] - bad[row.name]) == row.direction
        assert row.arrow == ("↑" if good[row.name] > bad[row.name] else "↓")


def test_what_is_neither_good_nor_bad_has_no_direction():
    neither = {"tre_points", "volume_change", "covered_percent", "sdlogj", "sdlogj_l2r"}
    assert {row.name for row in CATALOGUE if not row.arrow and row.kind != "cost"} == neither
    assert not any(row.arrow for row in CATALOGUE if row.kind == "cost")


def test_numbers_of_one_kind_have_the_same_decimals_and_counts_have_none():
    for unit in ("mm", "%"):
        assert len({row.decimals for row in CATALOGUE if row.unit == unit}) == 1
    ratios = ("dice_mean", "volume_change/1", "ssim", "pcc", "ncc", "sdlogj", "sdlogj_l2r")
    assert len({find(name).decimals for name in ratios}) == 1
    assert [find(name).text(250.0) for name in ("tre_points", "iterations", "peak_memory_mb")] == ["250"] * 3


def test_all_tables_show_what_decides():
    assert all(row.in_terminal and row.in_paper for row in deciding())


def test_a_row_is_given_by_names_and_stays_as_it_is():
    with pytest.raises(TypeError, match="positional"):
        Metric("name", "label", 1, 2, "images", None)
    with pytest.raises(FrozenInstanceError):
        CATALOGUE[0].decimals = 5


@pytest.fixture(scope="module")
def diffeomorphic(pairreg, tmp_path_factory) -> tuple[Path, str]:
    """A study on a phantom, whose deformation is known, by two transforms that have an inverse."""
    folder = tmp_path_factory.mktemp("study")
    small = ("pair.size=[64,48]", "pair.spacing=6.4", "transform=velocity", "transform.stride=2,3", "study=s")
    done = pairreg("preset=smoke", "tracking=none", "pair=phantom_2d", *small, "-m", cwd=folder, COLUMNS="200")
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "s", done.stdout


def test_every_metric_of_a_run_has_a_row(diffeomorphic):
    study, _ = diffeomorphic
    for file in study.glob("*/metrics.json"):
        metrics = json.loads(file.read_text())
        assert [name for name in metrics if find(name) is None] == []
        assert set(LATE) <= set(metrics)


def test_every_table_has_what_the_catalogue_says(diffeomorphic):
    study, terminal = diffeomorphic
    (one, _) = study.glob("*/metrics.json")
    present = [row for row in CATALOGUE if row.name in json.loads(one.read_text())]
    assert set(LATE) < {row.name for row in present}
    with (study / "report" / "table.csv").open(newline="") as file:
        header = next(csv.reader(file))
    page = (study / "report" / "index.html").read_text()
    latex = (study / "report" / "table.tex").read_text()
    shown = re.sub(r"[\s│┃]", "", terminal[terminal.index("2 runs") :])
    for row in present:
        assert f"{row.name} mean" in header
        assert (row.heading in page) == (row.name != "sdlogj_l2r"), "Learn2Reg does not evaluate phantoms"
        assert (row.label in latex) == (row.in_paper and row.heading in page), row.name
    assert all(row.in_terminal and row.in_paper for row in present if row.name in LATE)
    for row in present:
        if row.in_terminal and row.heading in page:
            assert row.label.split()[0] in shown, row.name


Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("metrics", "better"),
    [
        ([{"epe_mean": 2.0, "tre_mean": 1.0}, {"epe_mean": 1.0, "tre_mean": 2.0}], 1),
        ([{"tre_mean": 1.0, "dice_mean": 0.5}, {"tre_mean": 2.0, "dice_mean": 0.9}], 0),
        ([{"dice_mean": 0.9, "ssim": 0.5}, {"dice_mean": 0.5, "ssim": 0.9}], 0),
        ([{"ssim": 0.5}, {"ssim": 0.9}], 1),
    ],
)
def test_true_errors_decide_before_overlap_before_similarity(write_run: Write, study: Path, metrics, better):
    for name, measured in zip(("mse", "pcc"), metrics, strict=True):
        write_run(name, similarity=name, metrics=measured)
    ranking = rank(Design.of(read_study(study).runs))
    assert ranking.primary is not None and ranking.primary.name == next(iter(metrics[0]))
    assert ranking.order[0] == better


def test_a_new_row_is_in_every_table(write_run: Write, study: Path, monkeypatch):
    """A function and a row are all that a metric needs."""
    row = Metric(name="sharpness", label="Sharpness", direction=1, decimals=2, kind="images", function="images.mse")
    monkeypatch.setattr(catalogue, "CATALOGUE", (row, *CATALOGUE))
    images = {"fixed": np.zeros((8, 8)), "warped": np.ones((8, 8)), "mask": None}
    assert evaluate.metrics_of_kind("images", images)["sharpness"] == 1.0
    write_run("a", similarity="mse", metrics={"sharpness": 1.0})
    write_run("b", similarity="pcc", metrics={"sharpness": 2.0})
    write_report(study)
    report = study / "report"
    assert "sharpness mean" in (report / "table.csv").read_text()
    assert "Sharpness ↑" in (report / "index.html").read_text()
    assert "Sharpness" in (report / "table.tex").read_text()


@pytest.mark.parametrize("evaluated", [True, False])
def test_what_learn2reg_measures_is_in_tables_of_its_pairs_alone(write_run: Write, study: Path, evaluated: bool):
    """Files have it of all pairs."""
    metrics = {"sdlogj": 0.25, "sdlogj_l2r": 0.125} | ({"ndv_l2r": 0.5} if evaluated else {})
    folders = [write_run(name, similarity=name, metrics=metrics) for name in ("mse", "pcc")]
    write_report(study)
    terminal = Console(width=300)
    rows = [(RunSpec({}, {"similarity": f.name}), RunOutcome(f.name, f, metrics=metrics)) for f in folders]
    with terminal.capture() as captured:
        terminal.print(study_table(rows, terminal))
    assert ("SD log J (L2R)" in captured.get()) == evaluated
    with terminal.capture() as captured:
        terminal.print(run_table(metrics))
    assert ("sdlogj_l2r" in captured.get()) == ("SD log J (L2R)" in metrics_table(metrics)) == evaluated
    report = study / "report"
    assert ("SD log J (L2R)" in (report / "index.html").read_text()) == evaluated
    assert ("SD log J (L2R)" in (report / "table.tex").read_text()) == evaluated
    assert "sdlogj_l2r mean" in (report / "table.csv").read_text()


def test_a_metric_that_is_not_defined_is_absent():
    thin = np.zeros((4, 9, 2))
    assert "sdlogj_l2r" not in evaluate.of_field(thin) and "sdlogj" in evaluate.of_field(thin)
    assert "sdlogj_l2r" in evaluate.of_field(np.zeros((5, 9, 2)))


def test_no_decimals_are_lost_in_a_copy():
    assert replace(CATALOGUE[0], decimals=0).text(1.6) == "2"

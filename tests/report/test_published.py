"""Results of others beside those of a study: what the head of a benchmark says, and the quantiles of Learn2Reg."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pairreg import option_files
from pairreg.reference.options import Option
from pairreg.report.published import published, worst_30
from pairreg.report.write import write_report

Write = Callable[..., Path]
FOLDER = option_files.experiments_folder() / "benchmark"
BENCHMARKS = option_files.variants("benchmark")


def option(name: str) -> Option:
    return Option("benchmark", name, FOLDER / f"{name}.yaml")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_a_number_of_each_metric_for_each_method(name: str) -> None:
    found = published(option(name))
    assert found is not None and found.source.startswith("on ") and len(found.rows) >= 2
    assert all(len(values) == len(found.metrics) for values in found.rows.values())
    assert "https://" in option(name).remarks["Data"] and option(name).remarks["Question"]


def test_numbers_are_those_of_the_papers() -> None:
    """Some of them, written down anew."""
    lung, brain = published(option("learn2reg_lungct")), published(option("learn2reg_oasis"))
    assert lung is not None and brain is not None
    assert lung.metrics == ("tre_l2r", "tre_l2r30", "sdlogj_l2r")
    assert lung.rows["ConvexAdam"] == ("1.79", "2.70", "0.061") and lung.rows["initial"] == ("10.24", "16.80", "-")
    assert brain.rows["NiftyReg"] == ("0.727", "0.508", "2.37", "0.061")


def test_thirty_percent_of_the_pairs_are_worse() -> None:
    errors = np.arange(11.0)
    assert worst_30(errors, -1) == 7 and (errors > 7).mean() == pytest.approx(3 / 11)
    assert worst_30(errors / 10, 1) == pytest.approx(0.3)


@pytest.mark.slow
def test_the_report_shows_them_beside_its_own(write_run: Write, study: Path) -> None:
    errors = [1.0, 2.0, 3.0, 5.0]
    for i, error in enumerate(errors):
        metrics = {"tre_l2r": error, "before/tre_l2r": 10 * error, "tre_mean": error, "sdlogj_l2r": 0.05}
        for similarity, factor in (("mse", 1), ("ncc", 2)):
            measured = {**metrics, "tre_l2r": factor * error}
            pair = {"case": f"000{i}_000{i}"}
            write_run(
                f"{similarity}{i}", similarity=similarity, pair=pair, metrics=measured, benchmark="learn2reg_lungct"
            )
    page = write_report(study).page.read_text()
    with (study / "report" / "published.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["method", "TRE (L2R) (mm) ↓", "TRE (L2R) of the worst 30 % (mm) ↓", "SD log J (L2R)", "source"]
    measured = next(row for row in rows if row[0] == "initial" and row[-1] == "this study")
    assert measured[1:4] == ["27.50 ± 17.08", f"{10 * np.quantile(errors, 0.7):.2f}", "–"]
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["mse"] == ["2.75 ± 1.71", f"{np.quantile(errors, 0.7):.2f}", "0.050 ± 0.000", "this study"]
    assert by_name["ncc"][0] == "5.50 ± 3.42"
    assert by_name["ConvexAdam"][:3] == ["1.79", "2.70", "0.061"] and by_name["initial"][2] == "–"
    assert "published, on the test set of the challenge" in by_name["deeds"][3]
    assert page.count("<td>published</td>") == 5 and page.count("<td>this study</td>") == 3
    assert "how do fields between exhale and inhale compare" in page


def test_other_studies_have_no_such_table(write_run: Write, study: Path) -> None:
    for similarity in ("mse", "ncc"):
        write_run(similarity, similarity=similarity, ablation="similarity")
    assert "published" not in write_report(study).page.read_text().partition("<h2>Comparison")[0]
    assert not (study / "report" / "published.csv").exists()

"""The tables as files and as TeX reads them."""

import csv
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pairreg.report.design import Design
from pairreg.report.ranking import Ranking, rank
from pairreg.report.study_runs import read_study
from pairreg.report.tables import header, lines, page_metrics, tex, write_csv, write_tex

Write = Callable[..., Path]


@pytest.fixture
def ranking(write_run: Write, study: Path) -> Ranking:
    for similarity, offset in (("mse", 0.0), ("pcc+ssim", 0.1)):
        for i in range(6):
            metrics = {"dice_mean": 0.5 + offset + 0.01 * i * i, "hd95_mean": 3.0}
            write_run(f"{similarity}{i}", similarity=similarity, pair={"case": f"{i}"}, metrics=metrics)
    return rank(Design.of(read_study(study).runs))


def test_lines_by_hand(ranking: Ranking) -> None:
    names = ["dice_mean", "hd95_mean"]
    assert header(ranking, names) == ["n", "mean rank", "Dice ↑", "HD95 (mm) ↓", "p (Holm)"]
    best, other = lines(ranking, names)
    # mean of 0, 1, 4, 9, 16, 25 hundredths is 0.0917, their standard deviation 0.09745
    assert [c.text for c in best.cells] == ["6", "1.00", "0.692 ± 0.097", "3.00 ± 0.00", "reference"]
    assert [c.best for c in best.cells] == [False, True, True, False, False], "all have the same HD95"
    assert [c.text for c in other.cells] == ["6", "2.00", "0.592 ± 0.097", "3.00 ± 0.00", "0.031"]
    assert [line.label for line in (best, other)] == ["pcc+ssim", "mse"]


def test_bold_tells_the_best_from_others(write_run: Write, study: Path, tmp_path: Path) -> None:
    """Neither folds nor ranks do, where all settings are equal."""
    for similarity in ("mse", "pcc"):
        write_run(similarity, similarity=similarity, metrics={"dice_mean": 0.5, "folds_percent": 0.0})
    write_tex(rank(Design.of(read_study(study).runs)), tmp_path / "table.tex")
    assert "textbf" not in (tmp_path / "table.tex").read_text()


def test_what_settings_were_made_equal_in_is_shown_of_any_pair(write_run: Write, study: Path) -> None:
    for similarity in ("mse", "pcc"):
        write_run(similarity, similarity=similarity, metrics={"sdlogj_l2r": 0.1})
    found = rank(Design.of(read_study(study).runs))
    assert "sdlogj_l2r" not in page_metrics(found)
    assert "sdlogj_l2r" in page_metrics(replace(found, asked="sdlogj_l2r"))


def test_csv_round_trip(ranking: Ranking, tmp_path: Path) -> None:
    write_csv(ranking, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["similarity"], second["similarity"]) == ("pcc+ssim", "mse")
    assert float(first["dice_mean mean"]) == pytest.approx(0.6 + 0.55 / 6)
    assert float(second["p Holm"]) == pytest.approx(2 / 64)
    assert first["p Holm"] == "" and first["dice_mean n"] == "6"


def test_tex_escapes() -> None:
    assert tex("[red] $x$ *a_1*") == r"{[}red{]} \$x\$ {*}a\_1{*}"
    assert tex("bending_energy · 5 % ± 1") == r"bending\_energy $\cdot$ 5 \% $\pm$ 1"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX")
def test_tex_compiles(ranking: Ranking, tmp_path: Path) -> None:
    write_tex(ranking, tmp_path / "table.tex")
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{table.tex}\end{document}"
    (tmp_path / "paper.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]

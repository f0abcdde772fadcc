from pathlib import Path

import pytest
from rich.console import Console

from pairreg.metrics.catalogue import CATALOGUE
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.study.table import run_table, study_table

COLUMNS = [metric for metric in CATALOGUE if metric.in_terminal]


def printed(width: int) -> str:
    metrics = {metric.name: 0.1234 for metric in CATALOGUE}
    rows = [
        (RunSpec({}, {"similarity": name}), RunOutcome(name, Path(f"runs/s/{name}"), metrics=metrics, state="done"))
        for name in ("published_similarity", "ncc")
    ]
    terminal = Console(width=width)
    with terminal.capture() as captured:
        terminal.print(study_table(rows, terminal))
    return captured.get()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_a_narrow_terminal_shows_whole_columns_and_names_the_others(width: int) -> None:
    text = printed(width)
    table, _, rest = text.partition("This terminal is too narrow for ")
    header = next(line for line in table.splitlines() if "similarity" in line)
    left_out = " ".join(rest.split()).partition(";")[0].split(", ") if rest else []
    assert "…" not in text and "published_similarity" in table
    shown = [metric for metric in COLUMNS if metric.title in header]
    assert [metric.label for metric in COLUMNS if metric not in shown] == left_out
    assert [metric.name for metric in shown[:2]] == ["epe_mean", "tre_mean"][: len(shown)], "what decides comes first"


def test_a_wide_terminal_shows_all() -> None:
    assert all(metric.title in printed(300) for metric in COLUMNS)


def test_a_change_of_volume_has_no_value_before_there_is_one() -> None:
    terminal = Console(width=100)
    names = [f"{stage}{name}" for name in ("dice/lung", "volume_change/lung") for stage in ("before/", "initial/", "")]
    with terminal.capture() as captured:
        terminal.print(run_table({name: 1.5 for name in names}))
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in captured.get().splitlines()]
    assert ["dice/lung ↑", "", "1.5", "1.5", "1.5"] in rows
    assert ["volume_change/lung", "", "", "1.5", "1.5"] in rows


def test_the_table_of_a_run_has_units() -> None:
    terminal = Console(width=100)
    with terminal.capture() as captured:
        terminal.print(run_table({"ssim": 0.9, "hd95/lung_left": 3.0, "folds_percent": 0.0, "seconds": 2.5}))
    rows = {
        cells[0]: cells[1:-1] for line in captured.get().splitlines() if len(cells := line.strip("│").split("│")) > 1
    }
    units = {name.strip(" ↑↓"): cells[0].strip() for name, cells in rows.items()}
    assert units == {"ssim": "", "hd95/lung_left": "mm", "folds_percent": "%", "seconds": "s"}

"""Figures are drawn again where what they show has changed, and by several processes as by one."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pairreg.metrics.catalogue import find
from pairreg.report.charts.bars import cost
from pairreg.report.charts.drawing import Drawing, _draw_at_once, draw_all
from pairreg.report.charts.setting_style import SettingStyle
from pairreg.report.metric_columns import MetricColumn
from pairreg.report.write import write_report

Write = Callable[..., Path]


@pytest.mark.slow
def test_only_what_changed_is_drawn_again(write_run: Write, study: Path) -> None:
    for case in "12":
        write_run(f"a{case}", pair={"case": case})
        write_run(f"b{case}", similarity="ncc", pair={"case": case})
    figures = study / "report" / "figures"

    def times() -> dict[str, int]:
        write_report(study)
        return {path.name: path.stat().st_mtime_ns for path in figures.glob("*.p*")}

    before = times()
    assert times() == before and len(before) == 2 * (2 + 3)
    result = study / "b2" / "result.json"
    summary = json.loads(result.read_text())
    summary["metrics"]["ssim"] = 0.5
    result.write_text(json.dumps(summary))
    changed = {name.partition(".")[0] for name, time in times().items() if time != before[name]}
    assert changed == {"panel_02", "tradeoff", "curves"}, "the time and the memory of the runs are as they were"


def test_several_processes_draw_what_one_draws(tmp_path: Path) -> None:
    seconds = find("seconds")
    assert seconds is not None
    drawings = [
        Drawing(f"cost_{i}", "", "", cost, ([MetricColumn(seconds, "seconds", [np.array([i])], True)], [style]))
        for i, style in enumerate([SettingStyle("mse", "#0072b2", "o", "-"), SettingStyle("ncc", "#d55e00", "s", "-")])
    ]
    folders = [tmp_path / name for name in ("one", "several")]
    for folder in folders:
        folder.mkdir()
    draw_all(drawings, folders[0], tmp_path)
    _draw_at_once(drawings, folders[1], 2)
    one, several = ({path.name: path.read_bytes() for path in folder.glob("*.png")} for folder in folders)
    assert one == several and len(one) == 2

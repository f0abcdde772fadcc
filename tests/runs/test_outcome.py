"""What came of a run that was asked for."""

import json
from pathlib import Path

import pytest

from pairreg import option_files
from pairreg.runs.outcome import RunOutcome, combined
from pairreg.runs.spec import RunSpec


def spec(folder: Path) -> RunSpec:
    pair = dict(option_files.option_node("pair/phantom_2d"))
    return RunSpec({"pair": pair, "seed": 0, "study": "s", "output_dir": str(folder)}, {})


def test_metrics_are_those_of_a_complete_run(tmp_path: Path) -> None:
    asked = spec(tmp_path)
    asked.folder.mkdir(parents=True)
    (asked.folder / "metrics.json").write_text(json.dumps({"ssim": 0.5}))
    for state in ("done", "kept"):
        assert RunOutcome.of(asked, state) == RunOutcome(asked.signature, asked.folder, {"ssim": 0.5}, None, state)
    for state in ("failed", "refused", "busy"):
        assert RunOutcome.of(asked, state, "why") == RunOutcome(asked.signature, asked.folder, {}, "why", state)
    assert RunOutcome.failed(asked, "why") == RunOutcome.of(asked, "failed", "why")


def test_the_cases_of_one_point_have_the_mean_of_what_they_share_and_the_first_error() -> None:
    one = RunOutcome("a", Path("s/a"), {"ssim": 0.5, "mse": 1.0, "dice/1": 1.0})
    two = RunOutcome("b", Path("s/b"), {"mse": 3.0, "ssim": 0.75, "dice/2": 1.0}, "first", "failed")
    three = RunOutcome("c", Path("s/c"), {"mse": 5.0, "ssim": 1.0}, "second", "failed")
    both = combined([one, two, three])
    assert (both.signature, both.folder, both.error) == ("a b c", Path("s"), "first")
    assert both.metrics == {"mse": 3.0, "ssim": 0.75}
    assert combined([one, one]).error is None


def test_one_case_stays_as_it_is() -> None:
    one = RunOutcome("a", Path("s/a"), {"ssim": 0.5}, "why", "failed")
    assert combined([one]) is one
    with pytest.raises(AttributeError):
        one.state = "done"  # type: ignore[misc]

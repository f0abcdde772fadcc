"""What the progress bar and the log say of a run."""

import io
import logging
import re

import numpy as np
import pytest
from rich.console import Console

from pairreg.schedule.base import Level
from pairreg.study.progress import ProgressBar, ProgressLog, _Terms

NAMES = ["loss", "similarity/pcc", "similarity/ssim", "regularizer/diffusion", "regularizer/jacobian", "gradient_norm",
         "level"]  # fmt: skip
WEIGHTS = [dict(zip(NAMES[1:5], level, strict=True)) for level in ([1, 1, 4, 20], [1, 0.5, 2, 20])]
LEVELS = [Level(2, 1200), Level(1, 300)]


def watched(observer: _Terms) -> None:
    """Have it see both levels, in which every term is 0.0123."""
    observer.weigh(WEIGHTS)
    observer.begin(NAMES, LEVELS)
    for start, level in ((0, 1), (1200, 2)):
        loss = sum(0.0123 * weight for weight in WEIGHTS[level - 1].values())
        observer.rows(start, np.array([[loss, 0.0123, 0.0123, 0.0123, 0.0123, 0.5, level]] * 150))
    observer.end()


@pytest.mark.parametrize(("width", "terms"), [(60, 0), (80, 1), (100, 2), (120, 3), (160, 4)])
def test_a_narrow_terminal_shows_all_but_the_last_terms(width: int, terms: int) -> None:
    written = io.StringIO()
    watched(ProgressBar(Console(file=written, force_terminal=True, width=width, color_system=None)))
    last = [line for line in re.split(r"[\r\n]", written.getvalue()) if "level 2/2" in line][-1]
    shown = ["loss 0.289", "pcc 0.0123", "0.5 × ssim 0.0123", "2 × diffusion 0.0123", "20 × jacobian 0.0123"]
    assert "…" not in last and "1350/1500" in last and re.search(r"━+.*\d:\d\d:\d\d eta \S:\S\S:\S\S", last)
    assert [text for text in shown if text in last] == shown[: terms + 1]


def test_the_terms_in_the_log_add_up_to_the_loss(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pairreg"):
        watched(ProgressLog())
    for number, line in {1: caplog.messages[0], 2: caplog.messages[-1]}.items():
        assert line.startswith(f"level {number}/2  iteration ")
        loss = float(re.search(r"loss (\S+)", line)[1])
        terms = re.findall(r"(?:([\d.]+) × )?(?:pcc|ssim|diffusion|jacobian) (\S+)", line)
        assert len(terms) == 4
        assert sum(float(weight or 1) * float(value) for weight, value in terms) == pytest.approx(loss, rel=1e-3)


def test_a_similarity_and_a_regularizer_of_one_name_are_both_there() -> None:
    observer = _Terms()
    observer.weigh([{"similarity/own": 1.0, "regularizer/own": 1.0}])
    observer.begin(["loss", "similarity/own", "regularizer/own", "gradient_norm", "level"], [])
    assert observer.values(np.array([0.75, 0.5, 0.25, 0.0, 1.0])) == ["loss 0.75", "own 0.5", "own 0.25"]

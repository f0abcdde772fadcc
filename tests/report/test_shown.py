"""What the pages of large studies have pictures of."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pairreg.errors import InputError
from pairreg.report.design import Design
from pairreg.report.ranking import Ranking, rank
from pairreg.report.shown import shown
from pairreg.report.study_runs import read_study

Write = Callable[..., Path]


def ranking(write_run: Write, study: Path, settings: int, pairs: int) -> Ranking:
    """A study whose setting s gives a Dice that grows with s, and whose pair p one that falls with p."""
    for s in range(settings):
        for p in range(pairs):
            metrics = {"dice_mean": 0.5 + 0.01 * s - 0.02 * p}
            write_run(f"{s:02d}{p:02d}", weights={"diffusion": s}, pair={"case": f"{p:02d}"}, metrics=metrics)
    return rank(Design.of(read_study(study).runs))


def test_a_small_study_is_shown_whole(write_run: Write, study: Path) -> None:
    found = shown(ranking(write_run, study, 8, 5))
    assert (found.settings, found.pairs, found.note) == (list(range(8)), [f"0{p}" for p in range(5)], "")


def test_of_a_large_study_the_best_settings_and_the_quartiles_of_the_pairs(write_run: Write, study: Path) -> None:
    large = ranking(write_run, study, 8, 9)
    found = shown(large)
    assert found.settings == [2, 3, 4, 5, 6, 7]
    assert found.pairs == ["00", "02", "04", "06", "08"]
    assert found.note == (
        "Shown are 6 of 8 settings (the best ones) and 5 of 9 pairs (from the worst to the best). "
        "Tables have all; pairreg-report --show and --show-pair add others."
    )
    part = found.design(large.design, found.pairs)
    assert len(part.cells) == 6 * 5 and part.labels == [f"diffusion.weight {s}" for s in range(2, 8)]
    column = found.of(large.columns["dice_mean"])
    assert [values.mean() for values in column.values] == pytest.approx(large.columns["dice_mean"].means[2:])
    asked = shown(large, ["diffusion.weight=0"], ["01"])
    assert asked.settings == [0, 2, 3, 4, 5, 6, 7] and asked.pairs == ["00", "01", "02", "04", "06", "08"]


def test_of_a_study_that_is_not_ranked_nothing_is_called_best(write_run: Write, study: Path) -> None:
    """Each pair was run with one setting only, as in a study that was interrupted."""
    for i in range(45):
        write_run(f"{i:02d}", weights={"diffusion": i}, pair={"case": f"{i:02d}"}, metrics={"dice_mean": 0.5 + i / 100})
    note = shown(rank(Design.of(read_study(study).runs))).note
    assert note.startswith("Shown are 6 of 45 settings and ") and "best" not in note and "worst" not in note


def test_what_the_study_lacks_cannot_be_shown(write_run: Write, study: Path) -> None:
    small = ranking(write_run, study, 2, 2)
    with pytest.raises(InputError, match="--show diffusion.weight=7: diffusion.weight is one of 0, 1."):
        shown(small, ["diffusion.weight=7"])
    with pytest.raises(InputError, match="--show-pair 9: the study has no such pair; give one of 00, 01."):
        shown(small, [], ["9"])

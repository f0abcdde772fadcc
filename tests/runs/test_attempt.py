"""What an attempt at a run leaves, whether it ends well or not."""

import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from pairreg import option_files
from pairreg.runs import folder as names
from pairreg.runs.attempt import attempt, record_death
from pairreg.runs.spec import RunSpec


def spec(folder: Path, **more: Any) -> RunSpec:
    pair = dict(option_files.option_node("pair/phantom_2d"))
    config = {"pair": pair, "study": "s", "output_dir": str(folder), "rerun": False}
    return RunSpec(config | more, {"pair": "phantom_2d"}, ("pair=phantom_2d",))


def failed(asked: RunSpec) -> None:
    with pytest.raises(ZeroDivisionError), attempt(asked):
        _ = 1 / 0


def test_the_request_is_there_before_and_the_log_during_the_work(tmp_path: Path) -> None:
    asked = spec(tmp_path)
    with attempt(asked) as place:
        assert place == asked.folder
        assert (place / names.CONFIG).read_text() == asked.config_yaml
        assert (place / names.SPEC).read_text() == asked.json
        assert f"{asked.name}  ->  {asked.folder}" in (place / names.LOG).read_text()
    assert not (asked.folder / names.ERROR).exists()


def test_a_failure_leaves_its_traceback_and_how_to_repeat_it(tmp_path: Path) -> None:
    asked = spec(tmp_path)
    failed(asked)
    text = (asked.folder / names.ERROR).read_text()
    assert text.startswith(f"To repeat it, in {shlex.quote(os.getcwd())}: {asked.command}\n\nTraceback")
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert "division by zero" in (asked.folder / names.LOG).read_text()
    with attempt(asked) as place:
        assert not (place / names.ERROR).exists(), "that of the earlier attempt"
    assert "division" not in (asked.folder / names.LOG).read_text()


@pytest.mark.parametrize("rerun", [False, True])
def test_a_rerun_uses_nothing_of_before(tmp_path: Path, rerun: bool) -> None:
    failed(spec(tmp_path))
    asked = spec(tmp_path, rerun=rerun)
    (asked.folder / names.CHECKPOINT).touch()
    with attempt(asked) as place:
        assert (place / names.CHECKPOINT).exists() != rerun


@pytest.mark.parametrize("rerun", [False, True])
def test_a_repetition_works_beside_the_result_and_then_takes_its_place(tmp_path: Path, rerun: bool) -> None:
    asked = spec(tmp_path, rerun=rerun)
    asked.folder.mkdir(parents=True)
    (asked.folder / names.RESULT).write_text("old")
    names.beside(asked.folder).mkdir()
    (names.beside(asked.folder) / "left").touch()
    with attempt(asked) as place:
        assert place == names.beside(asked.folder) and (place / "left").exists() != rerun
        assert (asked.folder / names.RESULT).read_text() == "old"
        (place / names.RESULT).write_text("new")
    assert (asked.folder / names.RESULT).read_text() == "new" and not names.beside(asked.folder).exists()


def test_a_death_is_recorded_once_and_only_of_a_run_that_began(tmp_path: Path) -> None:
    asked = spec(tmp_path)
    record_death(asked, "It was killed.")
    assert not asked.folder.exists()
    asked.folder.mkdir(parents=True)
    record_death(asked, "It was killed.")
    record_death(asked, "It was killed again.")
    assert (asked.folder / names.ERROR).read_text().endswith(f"{asked.command}\n\nIt was killed.\n")


def test_an_error_that_cannot_be_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError), attempt(spec(tmp_path)) as place:
        (place / names.ERROR).mkdir()
        _ = 1 / 0
    assert f"{names.ERROR} cannot be written (Is a directory)" in caplog.text


def test_what_a_killed_process_has_left_half_written_is_gone(tmp_path: Path) -> None:
    asked = spec(tmp_path)
    left = [asked.folder / ".4711.result.json", asked.folder / "figures" / ".4711.overview.png"]
    kept = [asked.folder / ".notes", asked.folder / "figures" / "mine.png"]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with attempt(asked):
        assert not any(path.exists() for path in left) and all(path.exists() for path in kept)

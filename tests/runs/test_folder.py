"""What a run folder says of its run."""

from pathlib import Path

import pytest

from pairreg.locks import Busy
from pairreg.runs import folder as names


def test_the_state_follows_the_files(tmp_path: Path) -> None:
    run = tmp_path / "study" / "abcd1234"
    assert names.state(run) == "missing"
    run.mkdir(parents=True)
    assert names.state(run) == "unfinished" and not names.is_over(run)
    (run / names.ERROR).write_text("went wrong")
    assert names.state(run) == "failed" and names.is_over(run)
    (run / names.RESULT).write_text("{}")
    assert names.state(run) == "complete" and names.is_over(run)
    (run / names.ERROR).unlink()
    assert names.state(run) == "complete" and names.is_over(run)
    with names.lock_run(run):
        assert names.state(run) == "running"


def test_one_process_at_a_time_and_no_folder_for_a_run_that_never_began(tmp_path: Path) -> None:
    run = tmp_path / "study" / "abcd1234"
    with names.lock_run(run), names.lock_run(run.with_name("other")), pytest.raises(Busy), names.lock_run(run):
        pass
    assert not run.exists()
    with names.lock_run(run):
        pass


def test_the_error_of_a_repetition_lies_beside_the_result(tmp_path: Path) -> None:
    run = tmp_path / "abcd1234"
    assert names.error_file(run) == run / names.ERROR
    names.beside(run).mkdir()
    assert names.error_file(run) == run / names.ERROR
    (names.beside(run) / names.ERROR).write_text("again")
    assert names.error_file(run).read_text() == "again" and names.is_over(run)


def test_the_runs_of_a_study_have_a_config_or_a_result(tmp_path: Path) -> None:
    for name, file in (("b", names.CONFIG), ("a", names.RESULT), ("report", "index.html"), (".a.new", names.CONFIG)):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
    assert names.run_folders(tmp_path) == [tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize("begun", [names.SPEC, names.RESULT])
def test_files_of_a_run_lie_in_its_folder_or_one_below(tmp_path: Path, begun: str) -> None:
    run = tmp_path / "runs" / "abcd1234"
    run.mkdir(parents=True)
    assert not names.is_file_of_run(run / "warped.nii.gz")
    (run / begun).touch()
    for name, is_of_run in (("warped.nii.gz", True), ("figures/grid.png", True), ("a/b/c.png", False)):
        assert names.is_file_of_run(run / name) == is_of_run
    assert not names.is_file_of_run(run.parent / "table.csv")

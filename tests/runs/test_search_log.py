"""The log of searches, with trials that Optuna itself asks for and tells."""

import json
from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from pairreg.errors import InputError
from pairreg.runs.search_log import ERROR, Search, read_searches

FREE = {"x": FloatDistribution(0, 1)}


def begun(folder: Path, name: str = "a", **objectives: str) -> Search:
    return Search.begin(folder / "search.log", name, objectives or {"mse": "minimize"}, f"for {name}")


def test_a_search_is_read_back_with_the_trials_of_every_state_counted(tmp_path: Path) -> None:
    search = begun(tmp_path)
    for value in (3.0, 1.0, 2.0):
        search.study.tell(search.study.ask(FREE), value)
    search.study.tell(search.study.ask(FREE), state=TrialState.PRUNED)
    (failed, killed, _running) = (search.study.ask(FREE) for _ in range(3))
    failed.set_user_attr(ERROR, "diverged")
    for trial in (failed, killed):
        search.study.tell(trial, state=TrialState.FAIL)
    begun(tmp_path, "b")
    first, second = read_searches(tmp_path)
    assert first.counted == "3 complete trials, 1 pruned, 1 failed, 1 running", "a killed trial is repeated: no failure"
    assert first.candidate == "for a" and first.objectives == ["mse"] and first.best[0].value == 1
    assert second.counted == "0 complete trials" and second.best == []


def test_a_search_that_goes_on_keeps_its_trials_and_takes_its_new_name(tmp_path: Path) -> None:
    search = begun(tmp_path)
    search.study.tell(search.study.ask(FREE), 1.0)
    Search.begin(tmp_path / "search.log", "a", {"mse": "minimize"}, "mse")
    (again,) = read_searches(tmp_path)
    assert again.candidate == "mse" and again.counted == "1 complete trial"


def test_a_study_without_a_search_and_one_with_a_damaged_log(tmp_path: Path) -> None:
    assert read_searches(tmp_path) == []
    begun(tmp_path)
    log = tmp_path / "search.log"
    log.write_text(f"nonsense\n{log.read_text()}")
    with pytest.raises(InputError, match=r"search.log is damaged \(.*; remove it, and the search begins anew"):
        read_searches(tmp_path)
    with pytest.raises(InputError, match=r"search.log is damaged \(.*; remove it, and the search begins anew"):
        begun(tmp_path)


def test_what_a_full_disk_has_kept_of_a_record_is_cut_off(tmp_path: Path) -> None:
    search = begun(tmp_path)
    search.study.tell(search.study.ask(FREE), 1.0)
    log = tmp_path / "search.log"
    whole = log.read_bytes().splitlines(keepends=True)
    for kept in range(len(whole[-1])):
        log.write_bytes(b"".join([*whole[:-1], whole[-1][:kept]]))
        again = begun(tmp_path)
        assert log.read_bytes().splitlines(keepends=True)[: len(whole) - 1] == whole[:-1] and not again.complete
        again.study.tell(0, 2.0)
        (read,) = read_searches(tmp_path)
        assert [trial.values for trial in read.complete] == [[2.0]]
        assert all(json.loads(line) for line in log.read_text().splitlines())
    assert not (tmp_path / "search.log.lock").is_symlink()

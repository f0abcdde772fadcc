from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState

from pairreg.errors import InputError
from pairreg.report.charts.tradeoff import pareto
from pairreg.runs.outcome import RunOutcome
from pairreg.search.trials import Trials

FREE = {"x": FloatDistribution(-4, 4), "y": FloatDistribution(0.01, 100, log=True), "n": IntDistribution(1, 5)}
BOWL = {"bowl": "minimize"}
SCHAFFER = {"left": "maximize", "right": "minimize"}  # the front is x in [0, 2], where √-left + √right = 2


def outcome(params: Mapping[str, float], error: str | None = None) -> RunOutcome:
    x, y, n = (params[key] for key in FREE)
    bowl = (x - 1) ** 2 + np.log10(y / 2) ** 2 + (n - 3) ** 2
    metrics = {"bowl": bowl, "left": -(x**2), "right": (x - 2) ** 2, "nan": np.nan}
    return RunOutcome(f"{x:.4f}", Path(), {} if error else metrics, error)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Trials]]:
    """Opens a search in a folder of its name."""
    with ExitStack() as stack:

        def open_search(objectives: Mapping[str, str], wanted: int, folder: str = "a", **settings: object) -> Trials:
            log = tmp_path / folder / "search.log"
            return stack.enter_context(closing(Trials(log, "+".join(objectives), objectives, FREE, wanted, **settings)))

        yield open_search


def finish(trials: Trials, batch: int = 1) -> Trials:
    while asked := trials.ask(batch):
        for trial in asked:
            trials.tell(trial, [outcome(trial.params)])
    return trials


def params(trials: Trials) -> list[dict[str, float]]:
    return [trial.params for trial in trials.search.in_state(TrialState.COMPLETE)]


def test_one_objective_is_found_near_its_optimum(start: Callable[..., Trials]) -> None:
    best = finish(start(BOWL, 60)).search.best
    assert len(best) == 1 and best[0].values[0] < 0.1
    assert best[0].params["n"] == 3


def test_two_objectives_give_the_known_front(start: Callable[..., Trials]) -> None:
    trials = finish(start(SCHAFFER, 60))
    values = [trial.values for trial in trials.search.in_state(TrialState.COMPLETE)]
    best = trials.search.best
    front = pareto(np.array([[less, more] for more, less in values]), 1)
    assert [t.values for t in best] == sorted([more, less] for less, more in front.tolist())
    x = np.array([trial.params["x"] for trial in best])
    assert len(x) > 15 and x.min() > -0.1 and x.max() < 2.1
    inner = [np.sqrt(-t.values[0]) + np.sqrt(t.values[1]) for t in best if 0 <= t.params["x"] <= 2]
    np.testing.assert_allclose(inner, 2)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("objectives", [BOWL, SCHAFFER])
@pytest.mark.parametrize("batch", [1, 4])
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(
    start: Callable[..., Trials], sampler: str, objectives: Mapping[str, str], batch: int
) -> None:
    whole = finish(start(objectives, 20, "whole", sampler=sampler, seed=3), batch)
    first = finish(start(objectives, 8, sampler=sampler, seed=3), batch)
    first.wanted = 20
    lost = first.ask(batch)
    first.tell(lost[0], [outcome(lost[0].params)])
    next_lost = [trial.params for trial in (lost[1:] or first.ask(batch))]
    first.close()  # as the kernel does when the process ends
    rest = finish(start(objectives, 20, sampler=sampler, seed=3), batch)
    assert params(rest) == params(whole)
    assert [trial.params for trial in rest.search.in_state(TrialState.FAIL)] == next_lost
    other = finish(start(objectives, 3, "other", sampler=sampler, seed=4), batch)
    assert not [one for one in params(other) if one in params(whole)]


def test_a_kill_while_repeating_abandoned_trials_loses_and_doubles_nothing(start: Callable[..., Trials]) -> None:
    first = start(BOWL, 3)
    abandoned = first.ask(2)
    first.study.enqueue_trial(abandoned[0].params, user_attrs={"succeeds": abandoned[0].number})  # then it was killed
    first.close()
    again = finish(start(BOWL, 3))
    assert params(again)[:2] == [trial.params for trial in abandoned]
    assert len(params(again)) == 3 and len(again.search.in_state(TrialState.FAIL)) == 2


def test_a_trial_is_the_mean_of_its_runs_and_fails_with_one_of_them(start: Callable[..., Trials]) -> None:
    trials = start(BOWL, 2)
    (trial,) = trials.ask(1)
    runs = [outcome(trial.params), outcome({**trial.params, "x": 2.0})]
    assert trials.tell(trial, runs) is None
    (told,) = trials.search.in_state(TrialState.COMPLETE)
    assert told.values == [np.mean([run.metrics["bowl"] for run in runs])]
    assert told.user_attrs["signatures"] == [run.signature for run in runs]
    (trial,) = trials.ask(1)
    assert "out of memory" in str(trials.tell(trial, [runs[0], outcome(trial.params, error="out of memory")]))
    assert len(trials.search.in_state(TrialState.FAIL)) == 1 and len(trials.ask(5)) == 1


def test_a_metric_that_is_no_number_or_missing(start: Callable[..., Trials]) -> None:
    trials = start({"nan": "minimize"}, 2)
    (trial,) = trials.ask(1)
    assert "nan = nan" in str(trials.tell(trial, [outcome(trial.params)]))
    trials = start({"bowel": "minimize"}, 2, "b")
    (trial,) = trials.ask(1)
    with pytest.raises(InputError, match="'bowel' is not one of bowl, left, nan, right; did you mean 'bowl'?"):
        trials.tell(trial, [outcome(trial.params)])
    assert len(trials.search.in_state(TrialState.FAIL)) == 1

import numpy as np
import optuna
import pytest

from pairreg.study.pareto import pareto


@pytest.mark.parametrize("directions", [["minimize", "maximize"], ["maximize", "maximize", "minimize"]])
def test_optuna_finds_the_same_front(directions: list[str]) -> None:
    points = np.random.default_rng(0).integers(0, 6, (40, len(directions))).astype(float).tolist()  # with equal points
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=directions)
    study.add_trials([optuna.trial.create_trial(values=point) for point in points])
    assert pareto(points, directions) == [trial.number for trial in study.best_trials]


def test_a_nan_is_never_on_the_front() -> None:
    assert pareto([[1, np.nan], [2, 3]], ["minimize", "minimize"]) == [1]
    assert pareto([], ["minimize", "minimize"]) == []

"""The figures of searches whose trials are computed by formulas."""

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot
from matplotlib.style import library as styles
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.importance import get_param_importances
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from optuna.visualization.matplotlib import plot_param_importances
from PIL import Image

from pairreg.report.charts.search import _plots, draw_search
from pairreg.runs.search_log import ERROR, Search

FREE = {
    "regularizer.diffusion.weight": FloatDistribution(0.01, 100, log=True),
    "optimizer.learning_rate": FloatDistribution(0.01, 0.1, log=True),
    "initialization": CategoricalDistribution(["none", "affine"]),
}


def searched(
    folder: Path, objectives: Mapping[str, str], formula: Callable[..., list[float]], count: int = 12
) -> Search:
    """A search of some complete trials, after a failed and before a pruned one."""
    search = Search.begin(folder / "search.log", "a", objectives, "ncc")
    search.study.sampler = RandomSampler(seed=0)
    failed = search.study.ask(FREE)
    failed.set_user_attr(ERROR, "diverged")
    search.study.tell(failed, state=TrialState.FAIL)
    for _ in range(count):
        trial = search.study.ask(FREE)
        search.study.tell(trial, formula(*trial.params.values()))
    search.study.tell(search.study.ask(FREE), state=TrialState.PRUNED)
    return search


def test_a_search_for_one_metric(tmp_path: Path) -> None:
    search = searched(tmp_path, {"dice_mean": "maximize"}, lambda weight, rate, _: [1 / (1 + weight) + rate])
    before = dict(matplotlib.rcParams), dict(styles["ggplot"]), pyplot.get_fignums()
    drawn = draw_search(search, tmp_path, "one")
    assert (dict(matplotlib.rcParams), dict(styles["ggplot"]), pyplot.get_fignums()) == before
    assert drawn.heading == "Search for ncc"
    (best,) = search.best
    (note,) = drawn.notes
    assert note.startswith("12 complete trials, 1 pruned, 1 failed, for dice_mean (maximize); the best is trial ")
    assert (
        f"{best.value:.4g} with regularizer.diffusion.weight {best.params['regularizer.diffusion.weight']:.4g}" in note
    )
    headings = ["Optimisation history", "Slices", "Importances", "Parallel coordinates"]
    assert [figure.heading for figure in drawn.figures] == headings
    for figure in drawn.figures:
        with Image.open(figure.path) as image:
            colours = image.convert("RGB").getcolors(1 << 24)
            assert min(image.size) > 400 and image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
        assert colours is not None and len(colours) > 50, "it is not empty"
        assert figure.path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_two_objectives_have_a_set_each_and_a_front(tmp_path: Path) -> None:
    search = searched(
        tmp_path, {"dice_mean": "maximize", "folds_percent": "minimize"}, lambda weight, rate, _: [-weight, rate]
    )
    drawn = draw_search(search, tmp_path, "two")
    headings = [figure.heading for figure in drawn.figures]
    assert headings[:3] == ["Optimisation history: Dice ↑", "Slices: Dice ↑", "Importances: Dice ↑"]
    assert headings[3:] == [
        "Optimisation history: folds (%) ↓",
        "Slices: folds (%) ↓",
        "Importances: folds (%) ↓",
        "Parallel coordinates",
        "Pareto front",
    ]


@pytest.mark.filterwarnings("ignore::UserWarning")  # of a target whose low values count
@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_importances_are_those_for_the_good_trials(tmp_path: Path, direction: str, sign: int) -> None:
    """The weight makes a trial good; among the bad ones the learning rate decides."""

    def formula(weight: float, rate: float, _: str) -> list[float]:
        good = 10 - abs(weight - 30) / 100 if weight > 10 else -rate * 10
        return [sign * good, 0.0]

    search = searched(tmp_path, {"dice_mean": direction, "folds_percent": "minimize"}, formula, count=80)
    ((arguments, *_),) = ([own for _, plot, own in _plots(search) if plot is plot_param_importances],)
    found = get_param_importances(search.study, target=arguments["target"])
    assert next(iter(found)) == "regularizer.diffusion.weight"
    wrong = get_param_importances(search.study, target=lambda trial: -arguments["target"](trial))
    assert next(iter(wrong)) == "optimizer.learning_rate"


@pytest.mark.parametrize("count", [0, 1])
def test_a_search_of_too_few_trials_is_sentences(tmp_path: Path, count: int) -> None:
    search = searched(tmp_path, {"dice_mean": "maximize"}, lambda weight, rate, _: [weight], count)
    drawn = draw_search(search, tmp_path, "few")
    assert drawn.figures == [] and drawn.notes[-1] == "Figures need 2 complete trials."


def test_equal_trials_have_no_importances_and_a_sentence_says_so(tmp_path: Path) -> None:
    search = searched(tmp_path, {"dice_mean": "maximize"}, lambda *_: [0.5], 2)
    drawn = draw_search(search, tmp_path, "equal")
    assert [figure.heading for figure in drawn.figures] == ["Optimisation history", "Slices", "Parallel coordinates"]
    assert drawn.notes[-1] == "There are no importances for dice_mean, the same in all trials."


def test_four_objectives_have_no_front(tmp_path: Path) -> None:
    names = ("dice_mean", "ssim", "pcc", "ncc")
    search = searched(tmp_path, dict.fromkeys(names, "maximize"), lambda weight, rate, _: [weight, rate, 1, 2], 3)
    headings = [figure.heading for figure, *_ in _plots(search)]
    assert len(headings) == 4 + 4 + 2 + 1 and headings[-1] == "Parallel coordinates"

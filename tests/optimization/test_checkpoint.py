"""An optimisation that goes on from a checkpoint ends in the same bits as one that was left alone."""

import numpy as np
import pytest

import pairreg
from pairreg.errors import DivergedError, PausedRun
from pairreg.optimization import checkpoint
from pairreg.optimization.checkpoint import Checkpoint, Checkpoints
from pairreg.optimizer.gradient_descent import GradientDescent
from pairreg.schedule.coarse_to_fine import CoarseToFine


class Kept(Checkpoints):
    """Keeps all checkpoints in memory, and starts from `start`."""

    def __init__(self, start: Checkpoint | None = None, pause_after: int | None = None):
        self.start, self.pause_after = start, pause_after
        self.all: list[Checkpoint] = []

    def load(self) -> Checkpoint | None:
        return self.start

    def save(self, checkpoint: Checkpoint) -> None:
        self.all.append(checkpoint)


@pytest.fixture
def after_every_chunk(monkeypatch):
    monkeypatch.setattr(checkpoint, "_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "_COST", float("inf"))


def registered(warped, kept, **parts):
    usual = {"preprocessing": "minmax", "initialization": "none", "similarity": "pcc", "checkpoints": kept}
    return pairreg.register(warped.pair(), **usual | parts)


SCHEDULES = {
    "2d": CoarseToFine(scales=[2, 1], iterations=[55, 12]),
    "3d": CoarseToFine(scales=[2, 1], iterations=[6, 6]),
}
PARTS = {
    "unet": {"transform": "unet"},
    "unet_diffeomorphic": {"transform": pairreg.build("transform/unet", diffeomorphic=True)},
    "unet_half": {"transform": "unet", "precision": "mixed_bfloat16"},
    "displacement": {"transform": "displacement"},
    "displacement_smooth_adam": {"transform": "displacement", "optimizer": "smooth_adam"},
    "implicit": {"transform": pairreg.build("transform/implicit", width=16)},
    "velocity": {"transform": "velocity"},
    "bspline_sgd": {"transform": "bspline", "optimizer": pairreg.build("optimizer/sgd", momentum=0.9)},
    "bspline_lbfgs": {"transform": "bspline", "optimizer": "lbfgs"},
}


@pytest.mark.slow
@pytest.mark.usefixtures("after_every_chunk")
@pytest.mark.parametrize(
    ("name", "dimension"), [*((name, "2d") for name in PARTS), ("unet", "3d"), ("displacement", "3d")]
)
def test_the_same_bits_from_any_checkpoint(name, dimension, request):
    warped = request.getfixturevalue(f"warped_{dimension}")
    kept = Kept()
    expected = registered(warped, kept, schedule=SCHEDULES[dimension], **PARTS[name])
    if name != "bspline_lbfgs":  # which is done again from the start of a level
        assert {one.level for one in kept.all if one.paused} == {1, 2}
    assert [one.level for one in kept.all if not one.paused] == [1, 2]
    # one in the middle of a block of iterations, at the end of a level, in the last one, and after it
    for one in (kept.all[0], next(one for one in kept.all if not one.paused), kept.all[-2], kept.all[-1]):
        found = registered(warped, Kept(one), schedule=SCHEDULES[dimension], **PARTS[name])
        np.testing.assert_array_equal(found.field, expected.field)
        np.testing.assert_array_equal(found.history.rows, expected.history.rows)
        assert found.metrics["iterations"] == expected.metrics["iterations"]
        assert found.metrics["seconds"] > one.seconds


@pytest.mark.usefixtures("after_every_chunk")
@pytest.mark.parametrize("name", ["displacement", "displacement_smooth_adam", "bspline_sgd"])
def test_the_same_bits_from_the_last_checkpoint_within_a_level_that_converged(name, warped_2d):
    """The checkpoint of the end of the level may be missing: a kill comes before it, or it cannot be written."""
    early = {"schedule": CoarseToFine(scales=[2, 1], iterations=[400, 60], tolerance=0.05, window=20)} | PARTS[name]
    kept = Kept()
    expected = registered(warped_2d, kept, **early)
    lengths = [int(np.sum(expected.history["level"] == level)) for level in (1, 2)]
    assert lengths[0] < 400
    within = [one for one in kept.all if one.level == 1 and one.paused]
    assert within and max(len(one.rows) for one in within) < lengths[0]
    found = registered(warped_2d, Kept(within[-1]), **early)
    np.testing.assert_array_equal(found.history.rows, expected.history.rows)
    np.testing.assert_array_equal(found.field, expected.field)


def test_a_run_that_pauses_has_the_metrics_of_the_level_and_goes_on_to_the_same_bits(warped_2d):
    three = {"schedule": CoarseToFine(scales=[4, 2, 1], iterations=[9, 8, 7]), "transform": "displacement"}
    expected = registered(warped_2d, Kept(), **three)
    start = None
    for level in (1, 2):
        kept = Kept(start, pause_after=level)
        with pytest.raises(PausedRun) as pause:
            registered(warped_2d, kept, **three)
        shorter = CoarseToFine(scales=[4, 2, 1][:level], iterations=[9, 8, 7][:level])
        coarse = registered(warped_2d, Kept(), **three | {"schedule": shorter})
        costs = ("seconds", "startup_seconds", "peak_memory_mb")
        same = {name: value for name, value in coarse.metrics.items() if name not in costs}
        assert {name: value for name, value in pause.value.metrics.items() if name not in costs} == same
        start = kept.all[-1]
        assert start.level == level and start.paused is None
    for pause_after in (3, None):  # the last level, after which there is nothing to pause for
        found = registered(warped_2d, Kept(start, pause_after), **three)
        np.testing.assert_array_equal(found.field, expected.field)
        assert found.metrics["iterations"] == 24


@pytest.mark.usefixtures("after_every_chunk")
def test_a_run_that_diverges_keeps_the_same_field(warped_2d):
    """It goes back to the start of a block of iterations, which a checkpoint within the block has to know."""
    adam = GradientDescent("Adam", {"learning_rate": 3e37})
    parts = {"transform": "displacement", "optimizer": adam, "schedule": CoarseToFine(scales=[1], iterations=[200])}
    kept = Kept()
    with pytest.raises(DivergedError) as first:
        registered(warped_2d, kept, **parts)
    within = [one for one in kept.all if one.paused and one.paused.iterations % 50]
    assert within
    with pytest.raises(DivergedError) as second:
        registered(warped_2d, Kept(within[-1]), **parts)
    np.testing.assert_array_equal(second.value.result.field, first.value.result.field)
    assert str(second.value) == str(first.value)


def test_a_schedule_that_converges_does_not_depend_on_the_speed(warped_2d, monkeypatch):
    from pairreg.optimizer import pace

    schedule = CoarseToFine(scales=[2, 1], iterations=[400, 400], tolerance=1e-3, window=20)
    lengths = set()
    for seconds in (1e-9, 1e9):  # one iteration per chunk, or whole blocks
        monkeypatch.setattr(pace, "_SECONDS", seconds)
        lengths.add(len(registered(warped_2d, None, transform="displacement", schedule=schedule).history))
    assert len(lengths) == 1 and lengths.pop() < 800


def test_a_chunk_takes_a_second(monkeypatch):
    from pairreg.optimizer import pace

    now = [0.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    one = pace.Pace()
    sizes = []
    for per_iteration in (5.0, 5.0, 0.3, 0.3, 0.001, 0.001):
        sizes.append(one.iterations(50))
        with one.timed(sizes[-1]):
            now[0] += per_iteration * sizes[-1]
    assert sizes == [1, 1, 1, 3, 3, 50]

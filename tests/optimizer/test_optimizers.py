import dataclasses

import numpy as np
import pytest

import pairreg
from pairreg.backend import keras, tf
from pairreg.optimizer.lbfgs import LBFGS
from pairreg.schedule.coarse_to_fine import CoarseToFine
from pairreg.schedule.single_level import SingleLevel

# plain gradient steps shrink with the gradient of a mean over voxels: a rate for these small images
RATE = {"sgd": {"learning_rate": 5.0}}


@pytest.mark.slow
@pytest.mark.parametrize("dimension", ["2d", "3d"])
@pytest.mark.parametrize("name", pairreg.options("optimizer"))
def test_each_optimizer_recovers_a_known_warp(name, dimension, request):
    warped = request.getfixturevalue(f"warped_{dimension}")
    result = pairreg.register(
        warped.pair(),
        preprocessing="minmax",
        initialization="none",
        similarity="ncc",
        transform="bspline",
        optimizer=pairreg.build(f"optimizer/{name}", **RATE.get(name, {})),
        schedule=CoarseToFine(scales=[4, 2, 1], iterations=[100, 100, 100]),
    )
    assert warped.error(result.field) < 0.5
    assert len(result.history) <= 300


def test_lbfgs_needs_fewer_iterations_than_adam_for_the_same_objective(warped_2d):
    losses = {}
    for name in ("adam", "lbfgs"):
        result = pairreg.register(
            warped_2d.pair(),
            preprocessing="minmax",
            initialization="none",
            similarity="ncc",
            transform="bspline",
            optimizer=name,
            schedule=SingleLevel(iterations=40),
        )
        losses[name] = result.history["loss"]
    assert losses["lbfgs"].min() < losses["adam"].min()
    assert (np.diff(losses["lbfgs"]) <= 0).all()  # every accepted step descends


@dataclasses.dataclass
class Watched:
    """L-BFGS, which notes of each level the field that it is given, that of its first values, and all losses."""

    levels: list = dataclasses.field(default_factory=list)

    def minimize(self, problem, iterations, report, paused=None):
        given, first, losses = problem.field().numpy(), [], []

        def noting(rows, pause=None):
            if not first:
                first.append(problem.field().numpy())
            losses.extend(rows[:, 0])
            return report(rows, pause)

        LBFGS().minimize(problem, iterations, noting, paused)
        self.levels.append((given, first[0], losses))


WATCHED = {
    "displacement": {},
    "displacement of both directions": {"symmetric": True},
    "bspline": {},
    "velocity": {},
    "implicit": {},
    "unet": {"width": 8, "depth": 2},
    "unet of velocities": {"width": 8, "depth": 2, "diffeomorphic": True},
}


@pytest.mark.parametrize("name", WATCHED)
def test_lbfgs_begins_each_level_where_the_one_before_ended(name, warped_2d):
    """But for less than a twentieth of a voxel, which moves it off the kinks of whole voxels."""
    watched = Watched()
    pairreg.register(
        warped_2d.pair(),
        preprocessing="minmax",
        initialization="none",
        similarity="ncc",
        transform=pairreg.build(f"transform/{name.split()[0]}", **WATCHED[name]),
        optimizer=watched,
        schedule=CoarseToFine(scales=[4, 2, 1], iterations=[15, 15, 5], tolerance=0),
    )
    assert len(watched.levels) == 3
    for given, first, losses in watched.levels:
        assert abs(first - given).max() < 0.05
        assert losses[-1] < losses[0]
    given, first, _ = watched.levels[0]
    assert not given.any() and (first != 0).mean() > 0.9
    assert abs(watched.levels[2][0]).max() > 1  # there is something to disturb


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_lbfgs_does_at_most_as_many_iterations_as_it_may(iterations, warped_2d):
    result = pairreg.register(
        warped_2d.pair(),
        preprocessing="minmax",
        initialization="none",
        similarity="ncc",
        transform="bspline",
        optimizer="lbfgs",
        schedule=SingleLevel(iterations=iterations),
    )
    assert len(result.history) == iterations == result.metrics["iterations"]


def test_a_schedule_of_keras_is_followed_and_starts_anew_on_every_level(warped_2d):
    """With a rate that is 0 after five iterations, the field stands still from then on."""
    schedule = {
        "_target_": "keras.optimizers.schedules.PiecewiseConstantDecay",
        "boundaries": [4],
        "values": [0.1, 0.0],
    }
    from pairreg import option_files

    adam = option_files.instantiate(
        {**option_files.option_node("optimizer/adam"), "learning_rate": schedule}, "optimizer"
    )
    for iterations in (5, 30):
        result = pairreg.register(
            warped_2d.pair(),
            preprocessing="minmax",
            initialization="none",
            similarity="ncc",
            transform="displacement",
            optimizer=adam,
            schedule=SingleLevel(iterations=iterations),
        )
        loss = result.history["loss"]
        assert (np.diff(loss[:5]) < 0).all()
        assert (loss[5:] == loss[-1]).all()


def decay(base=None, **more):
    """A schedule of Keras, or of the class `base`, with one config, and attributes that this does not have."""
    made = (base or keras.optimizers.schedules.ExponentialDecay)(0.1, 100, 0.9)
    vars(made).update(more)
    return made


def warm():
    """A class of its own each time, as of a notebook cell that is run again."""

    class Warm(keras.optimizers.schedules.ExponentialDecay):
        def __call__(self, step):
            return super().__call__(step) * tf.minimum(1.0, tf.cast(step, tf.float32) / 10)

    return Warm


class Table:
    """A user's own schedule: rates one by one."""

    def __init__(self, middle):
        self.rates = np.full(3000, 0.1)
        self.rates[1500] = middle

    def __call__(self, step):
        return tf.gather(tf.constant(self.rates, tf.float32), step)

    def get_config(self):
        return {"rates": self.rates}


def test_schedules_of_one_config_and_other_classes_are_followed_each(warped_2d):
    """In one process, which keeps what it has compiled."""
    losses = []
    for schedule in (decay(), decay(warm()), decay()):
        result = pairreg.register(
            warped_2d.pair(),
            preprocessing="minmax",
            initialization="none",
            similarity="ncc",
            transform="displacement",
            optimizer=pairreg.build("optimizer/adam", learning_rate=schedule),
            schedule=SingleLevel(iterations=5),
        )
        losses.append(result.history["loss"])
    assert losses[0][1] < losses[0][0]
    assert losses[1][1] == losses[1][0]  # a rate of 0 at first
    np.testing.assert_array_equal(losses[2], losses[0])


def test_equal_settings_share_a_loop_and_others_do_not():
    same = warm()

    def distinct(*rates):
        return len({pairreg.build("optimizer/adam", learning_rate=rate).key for rate in rates})

    assert distinct(decay(), decay()) == distinct(decay(same), decay(same)) == distinct(Table(0.2), Table(0.2)) == 1
    assert distinct(decay(), decay(same), decay(warm())) == 3
    assert distinct(decay(same), decay(same, longest=20), decay(same, longest=30)) == 3
    assert distinct(Table(0.2), Table(0.3), Table(0.3 + 1e-12)) == 3
    assert distinct(0.1, 0.2, None, decay()) == 4
    sgd, adam = (pairreg.build(f"optimizer/{name}", learning_rate=0.1).key for name in ("sgd", "adam"))
    assert sgd != adam


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_low_precision_networks_give_float32_fields_of_the_same_quality(warped_2d, precision):
    result = pairreg.register(
        warped_2d.pair(),
        preprocessing="minmax",
        initialization="none",
        similarity="ncc",
        transform="unet",
        precision=precision,
        schedule=CoarseToFine(scales=[4, 2, 1], iterations=[60, 60, 60]),
    )
    assert result.field.dtype == np.float32
    assert warped_2d.error(result.field) < 0.5

"""Every number that a command takes: refused in one sentence before TensorFlow is imported, or the run ends."""

import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

import number_helpers as numbers
import pairreg
from command_helpers import many
from pairreg import option_files, validation
from pairreg.errors import DivergedError, InputError, MethodError

WALK = "import json, sys, number_helpers as n; print(json.dumps([list(n.answers()), 'tensorflow' in sys.modules]))"


@pytest.fixture(scope="module")
def walked():
    """Where each extreme value was put, and what was said; whether TensorFlow was imported for that."""
    paths = f"sys.path.insert(0, {str(Path(numbers.__file__).parent)!r}); "
    done = subprocess.run([sys.executable, "-c", "import sys; " + paths + WALK], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


def test_an_extreme_number_is_refused_in_one_sentence_or_accepted(walked):
    answers, imported = walked
    assert not imported
    assert len(answers) > 1500 and len({key for key, _, _ in answers}) > 75
    for key, value, said in answers:
        if said is not None:
            assert "\n" not in said and len(said) < 400 and said.endswith("."), (key, value, said)
            assert key.rpartition(".")[2] in said, (key, value, said)


def test_no_number_may_be_nan_or_infinite(walked):
    for key, value, said in walked[0]:
        if "nan" in value or "inf" in value or "1e+300" in value:
            assert said is not None, (key, value)


SAID = {  # what used to be accepted, or to fail after the compute, and what is like it
    ("optimizer=adam", "optimizer.learning_rate=nan"): "a finite number",
    ("optimizer=adam", "optimizer.learning_rate=inf"): "a finite number",
    ("optimizer=sgd", "optimizer.learning_rate=0"): "above 0",
    ("optimizer=sgd", "optimizer.learning_rate=-1"): "above 0",
    ("optimizer=adam", "optimizer.beta_1=2"): "below 1",
    ("optimizer=adam", "optimizer.beta_2=nan"): "a finite number",
    ("optimizer=adam", "optimizer.epsilon=nan"): "a finite number",
    ("optimizer=sgd", "optimizer.momentum=2"): "below 1",
    ("preprocessing.blur_fixed=nan",): "a finite number",
    ("transform=bspline", "transform.control_spacing=inf"): "a finite number",
    ("schedule.tolerance=nan",): "a finite number",
    ("compute.memory_gb=nan",): "a finite number",
    ("transform.depth=20",): "GB of memory",
    ("transform.width=1000000",): "GB of memory",
    ("transform.depth=1000000000",): "at most 30",
    ("seed=100000000000000000000",): "at most 2147483647",
    ("pair=phantom_2d", "pair.level=nan"): "a finite number",
    ("pair=phantom_3d", "pair.size=[100000,100000,100000]"): "GB of memory",
    ("pair=phantom_2d", "pair.smoothness=1e-9"): "GB of memory",
    ("pair=phantom_2d", "pair.anatomy={height:nan}"): "height should be from 0.85",
    ("pair=phantom_2d", "pair.spacing=[1,nan]"): "spacing should be a finite number",
    ("schedule.iterations=[1000000000,1,1,1]",): "at most 1000000",
    ("schedule.scales=[8,4,2,.nan]",): "scales",
    (f"seed={'9' * 5000}",): "digits",
    (f"transform.learning_rate={'9' * 500}",): "learning_rate",
    ("seed=range(0,1e12)", "-m"): "1e+12 runs; give at most 100,000",
    ("seed=range(0,1,0)", "-m"): "a step that is not 0",
    ("optimizer.learning_rate=range(0,inf)", "-m"): "has no end",
    ("seed=range(0,1000)", "threads=range(1,1000)", "-m"): "9.99e+05 runs",
    ("hydra/sweeper=pairreg_search", "hydra.sweeper.trials=0", "-m"): "trials should be at least 1",
    ("hydra/sweeper=pairreg_search", "hydra.sweeper.trials=1000000000", "-m"): "trials should be at most",
    ("hydra/sweeper=pairreg_search", "hydra.sweeper.batch=-1", "-m"): "batch should be at least 1",
    ("hydra/sweeper=pairreg_search", "hydra.sweeper.seed=-1", "-m"): "seed should be at least 0",
    ("hydra/sweeper=pairreg_search", "transform.learning_rate=interval(0,inf)", "-m"): "learning_rate",
    ("hydra/sweeper=pairreg_search", "transform.learning_rate=interval(nan,1)", "-m"): "learning_rate",
    ("hydra/sweeper=pairreg_search", "transform.learning_rate=tag(log,interval(0,1))", "-m"): "learning_rate",
}  # fmt: skip


@pytest.mark.slow
def test_the_command_says_it_in_one_sentence(tmp_path):
    """And leaves nothing behind."""
    (tmp_path / "said").mkdir()
    (tmp_path / "here").mkdir()
    search = ["hydra.sweeper.objectives={dice_mean:maximize}"]
    calls = [["tracking=none", *(search if "hydra/sweeper=pairreg_search" in given else []), *given] for given in SAID]
    for answer, says in zip(many("pairreg", calls, tmp_path / "here", tmp_path / "said"), SAID.values(), strict=True):
        assert answer.returncode == 2 and says in answer.stderr, answer
        assert len(answer.stderr.splitlines()) == 1 and len(answer.stderr) < 500 and not answer.stdout, answer
    assert not list((tmp_path / "here").iterdir())


def test_a_whole_number_is_a_number(warped_2d):
    """Keras takes none where it wants a fraction."""
    quick = {"transform": pairreg.build("transform/displacement", learning_rate=1), "initialization": "none"}
    quick["schedule"] = pairreg.build("schedule/single_level", iterations=2)
    for optimizer in ("adam", "sgd"):
        settings = {"momentum": 0} if optimizer == "sgd" else {"beta_1": 0, "learning_rate": 1}
        result = pairreg.register(
            warped_2d.pair(), optimizer=pairreg.build(f"optimizer/{optimizer}", **settings), **quick
        )
        assert np.isfinite(result.field).all()


def test_grids_and_blurs_beyond_the_image_are_refused(warped_2d):
    for settings, says in (
        ({"spacing": 1e-6}, "preprocessing.spacing.* GB of memory"),
        ({"spacing": 1e9}, "preprocessing.spacing.*leaves one voxel"),
        ({"blur_moving": 1e6}, "preprocessing.blur_moving is 1e.06 mm, the image 72 mm long"),
    ):
        with pytest.raises(InputError, match=says):
            pairreg.build("preprocessing/minmax", **settings)(warped_2d.pair())


DECAY = {
    "_target_": "keras.optimizers.schedules.ExponentialDecay",
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "decay_rate": 0.9,
}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            {"initial_learning_rate": math.nan},
            "optimizer.learning_rate: initial_learning_rate should be from 0",
        ),
        ({"initial_learning_rate": -1.0}, "initial_learning_rate should be from 0"),
        ({"decay_steps": 0}, "decay_steps"),
        ({"decay_rate": math.inf}, "decay_rate should be from 0"),
    ],
)
def test_numbers_of_a_schedule_of_keras_are_checked(wrong, says):
    base, key = numbers.config("optimizer", "adam"), ("optimizer", "learning_rate")
    assert numbers.refusal(numbers.changed(base, key, DECAY)) is None
    refused = numbers.refusal(numbers.changed(base, key, DECAY | wrong))
    assert refused and says in refused and "\n" not in refused


def test_a_long_value_is_shortened():
    with pytest.raises(InputError) as refused:
        validation.check_value(validation.Finite, "x" * 10_000, "weight")
    assert len(str(refused.value)) < 250


TINY = 32, 28
# their largest value is a run of months, or the ends of a range of which a run says nothing new
LONG = ("iterations", "samples")
# settings that all terms of a group inherit; they are inputs of what is compiled, so that one term stands for all
INHERITED = ("weight", "stiffness")


@pytest.fixture(scope="module")
def tiny():
    def image(seed: int) -> sitk.Image:
        values = gaussian_filter(np.random.default_rng(seed).normal(size=TINY), 2)
        return sitk.GetImageFromArray(values.astype(np.float32))

    labels = sitk.GetImageFromArray(np.pad(np.ones((20, 16), np.uint8), 6))
    names = {1: "height"}  # as `number_helpers` calls what it puts into a mapping
    return pairreg.Pair(name="tiny", fixed=image(0), moving=image(1), fixed_labels=labels, label_names=names)


@pytest.mark.slow
@pytest.mark.parametrize("group", sorted(set(option_files.groups()) - {"tracking", "compute"}))
def test_with_the_ends_of_every_range_a_run_ends(group, tiny):
    """In a result, or in one sentence; a warning of numpy is an error here."""
    previous = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("never ends"))
    try:
        for option in (options := pairreg.options(group)):
            inherited = INHERITED if group in option_files.TERM_GROUPS and option != options[0] else ()
            for key, value in numbers.ends(group, option, without=inherited):
                if not (key[-1] in LONG and np.max(value) > 1000):
                    signal.alarm(120)
                    end_of_run(numbers.changed(numbers.config(group, option), key, value), group, option, tiny)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def end_of_run(config, group, option, tiny):
    parts = {
        "initialization": "none",
        "transform": "displacement",
        "preprocessing": "minmax",
        # what a pair's numbers change, its images, is all there in the first iteration
        "schedule": pairreg.build("schedule/single_level", iterations=1 if group == "pair" else 3),
        "similarity": "mse",
        "regularizer": "diffusion",
    }
    try:
        if group in option_files.TERM_GROUPS:
            parts[group] = {option: option_files.instantiate(config[group][option], group)}
        elif group != "pair":
            parts[group] = option_files.instantiate(config[group], group)
        pair = option_files.instantiate(config["pair"], "pair") if group == "pair" else tiny
        if group == "method" and option == "command":
            return  # any text is a command
        result = pairreg.register(pair, **parts)
    except (InputError, DivergedError, MethodError) as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(result.field).all() and not math.isnan(result.metrics.get("seconds", 0.0))

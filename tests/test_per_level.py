"""Settings that are lists with a value for each level of the schedule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import Field

import pairreg
from command_helpers import Command
from pair_helpers import refused
from pairreg import option_files
from pairreg.composition import composed
from pairreg.optimization import checkpoint
from pairreg.optimization.checkpoint import Checkpoint, Checkpoints
from pairreg.per_level import PerLevel
from pairreg.runs.read import Run
from pairreg.runs.spec import RunSpec
from pairreg.schedule.base import level_factors
from pairreg.schedule.coarse_to_fine import CoarseToFine
from pairreg.search.matched import MatchedSweeper, _Match
from pairreg.similarity.base import Similarity
from pairreg.study.checked_config import check
from pairreg.validation import Count, Text

TWO = CoarseToFine(scales=[2, 1], iterations=[6, 6], tolerance=0)
USUAL = {"preprocessing": "minmax", "initialization": "none", "schedule": TWO, "similarity": "ncc"}
PARTS = {
    "similarity/ncc": {"window": [5, 9], "weight": [2, 1]},
    "regularizer/diffusion": {"weight": [4, 0.5]},
    "regularizer/gaussian_smoothing": {"sigma": [1, 2]},
    "transform/displacement": {"learning_rate": [0.2, 0.1]},
    "transform/unet": {"learning_rate": [0.004, 0.001], "width": [4, 4]},
    "optimizer/adam": {"learning_rate": [0.2, None], "beta_1": [0.8, 0.9]},
    "optimizer/sgd": {"learning_rate": [2, 1]},
}
MANY = [(name, key) for name, settings in PARTS.items() for key in settings]
TOGETHER = [
    ("similarity/ncc", "regularizer/diffusion", "transform/displacement", "optimizer/adam"),
    ("regularizer/gaussian_smoothing", "transform/unet", "optimizer/sgd"),
]


class Kept(Checkpoints):
    """Keeps all checkpoints in memory, and starts from `start`."""

    def __init__(self, start: Checkpoint | None = None):
        self.start = start
        self.all: list[Checkpoint] = []

    def load(self) -> Checkpoint | None:
        return self.start

    def save(self, checkpoint: Checkpoint) -> None:
        self.all.append(checkpoint)


@pytest.fixture(scope="module")
def warped(warped_2d):
    return type(warped_2d)((32, 36), amplitude=1.5)


def registered(warped, parts, **more):
    """A registration with these parts, by the names of their options."""
    chosen = {"transform": "displacement"} | {name.partition("/")[0]: part for name, part in parts.items()}
    return pairreg.register(warped.pair(), **USUAL | chosen | more)


def built(names, settings_of):
    """The objects of these options, with what the function makes of each list of `PARTS`."""
    return {n: pairreg.build(n, **{key: settings_of(values) for key, values in PARTS[n].items()}) for n in names}


@dataclass(frozen=True, kw_only=True)
class Mine(Similarity):
    """A user's own similarity, with settings of many types."""

    whole: Count = 1
    real: float = 1.0
    several: Sequence[float] = ()
    either: float | list[float] = 1.0
    anything: Any = None
    limited: Annotated[int, Field(ge=3)] = 3
    word: Literal["a", "b"] = "a"
    text: Text = "a"
    table: Mapping[str, float] | None = None
    array: np.ndarray | None = None
    untold: "Iterable[float] | None" = None

    def loss(self, fixed, warped, mask):
        raise NotImplementedError


def test_what_may_be_a_list_itself_is_left_alone():
    node = {"_target_": f"{__name__}.Mine", "whole": [1, 2], "real": [1.0, 2], "limited": [4, 5], "word": ["a", "b"]}
    both = {"several": [1.0, 2.0], "either": [1.0, 3.0], "anything": [1, 2], "untold": [1.0, 2.0], "text": ["x", "y"]}
    mine = option_files.instantiate(node | both | {"table": [{"a": 1.0}, None]}, "similarity.mine", [__name__])
    assert mine.lists == tuple(
        f"similarity.mine.{key}" for key in ("whole", "real", "limited", "word", "text", "table")
    )
    for key in ("several", "either", "anything", "untold"):
        assert [getattr(part, key) for part in mine.parts] == [both[key]] * 2
    assert [part.whole for part in mine.parts] == [1, 2] and [part.table for part in mine.parts] == [{"a": 1.0}, None]
    with pytest.raises(pairreg.InputError, match="array should be an instance of ndarray"):
        option_files.instantiate({"_target_": f"{__name__}.Mine", "array": [1, 2]}, "similarity.mine", [__name__])


def test_lists_of_other_groups_are_theirs():
    assert pairreg.build("schedule/coarse_to_fine", scales=[4, 1], iterations=[3, 2]).scales == [4, 1]
    with pytest.raises(pairreg.InputError, match=r"schedule.coarse_to_fine.tolerance should be .*it is \[0.1, 0.2\]"):
        pairreg.build("schedule/coarse_to_fine", tolerance=[0.1, 0.2])


@pytest.mark.parametrize(("name", "key"), MANY)
def test_python_builds_an_object_for_each_level(name, key):
    values = PARTS[name][key]
    found = pairreg.build(name, **{key: values})
    assert isinstance(found, PerLevel) and found.lists == (f"{name.replace('/', '.')}.{key}",)
    assert list(found.parts) == [pairreg.build(name, **{key: value}) for value in values]


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("similarity/ncc", {"window": [5, 8]}, "level 2: similarity.ncc.window should be an odd number; it is 8."),
        ("similarity/ncc", {"window": []}, "similarity.ncc: lists should have a value for each level"),
        ("similarity/ncc", {"window": [5, 7], "weight": [1, 2, 3]}, "weight has 3, window has 2"),
        ("similarity/ncc", {"window": [[5], [7]]}, "level 1: similarity.ncc.window should be"),
        ("optimizer/adam", {"learning_rate": [0.1, -1]}, "level 2: optimizer.adam.learning_rate should be above 0"),
        ("transform/unet", {"width": [16, 8]}, "transform.unet.width cannot change between levels"),
        ("transform/unet", {"stride": [1, 2], "depth": [3, 3]}, "transform.unet.stride cannot change between levels"),
    ],
)
def test_lists_that_cannot_be_are_refused(name, settings, said):
    refused(said, pairreg.build, name, **settings)


@pytest.mark.parametrize("name", ["similarity/ncc", "regularizer/diffusion", "transform/velocity", "optimizer/adam"])
def test_python_names_both_numbers_for_a_list_of_another_length(name, warped):
    key = "learning_rate" if name.startswith(("transform", "optimizer")) else "weight"
    three = pairreg.build(name, **{key: [0.1, 0.2, 0.3]})
    said = f"{name.replace('/', '.')}.{key} should have a value for each level of the schedule, 2; it has 3."
    refused(said, registered, warped, {name: three})


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["similarity=ncc", "similarity.ncc.window=[5,7]"], "each level of the schedule, 4; it has 2."),
        (["regularizer.diffusion.weight=[4,2,1]"], "regularizer.diffusion.weight should have a value for each level"),
        (["optimizer.learning_rate=[.1,.1]", "schedule=single_level"], "each level of the schedule, 1; it has 2."),
        (["transform=bspline", "transform.control_spacing=[1,2,3,4,5]"], "transform.control_spacing should have"),
        (["transform.width=[16,16,16,8]"], "transform.width cannot change between levels"),
        (["similarity=ncc", "similarity.ncc.window=[5,7,9,9]"], None),
        (["optimizer.learning_rate=[.1]", "schedule=single_level"], None),
        (["transform.width=[16,16,16,16]", "regularizer.diffusion.weight=[4,2,1,0]"], None),
        (["method=ants_syn"], None),
    ],
)
def test_the_check_of_a_command_needs_no_image(overrides, said):
    config = composed(overrides)
    if said is None:
        check(config)
    else:
        refused(said, check, config)


def test_a_list_of_one_value_is_that_value_to_the_bit(warped):
    one = registered(warped, built(TOGETHER[0], lambda values: values[0]))
    same = registered(warped, built(TOGETHER[0], lambda values: [values[0]] * 2))
    np.testing.assert_array_equal(same.field, one.field)
    np.testing.assert_array_equal(same.history.rows, one.history.rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "shape"), [*((names, (32, 36)) for names in TOGETHER), (TOGETHER[0], (16, 18, 20))], ids=str
)
def test_each_level_uses_its_own_values(names, shape, warped):
    """The first level is that of a run with the first values, the second what one with the second values goes on to."""
    pair = type(warped)(shape, amplitude=1.5)
    kept = Kept()
    both = registered(pair, built(names, lambda values: values))
    coarse = registered(pair, built(names, lambda values: values[0]), checkpoints=kept)
    (end,) = (one for one in kept.all if one.level == 1)
    fine = registered(pair, built(names, lambda values: values[1]), checkpoints=Kept(end))
    np.testing.assert_array_equal(both.history.rows[:6], coarse.history.rows[:6])
    np.testing.assert_array_equal(both.history.rows[6:], fine.history.rows[6:])
    np.testing.assert_array_equal(both.field, fine.field)
    assert (both.field != coarse.field).any(), "the values matter"


def test_the_loss_has_the_weights_of_its_level(warped):
    weights = {"similarity": [2.0, 1.0], "regularizer": [4.0, 0.5]}
    similarity = pairreg.build("similarity/ncc", weight=weights["similarity"])
    regularizer = pairreg.build("regularizer/diffusion", weight=weights["regularizer"])
    history = registered(warped, {"similarity/ncc": similarity, "regularizer/diffusion": regularizer}).history
    level = history["level"].astype(int) - 1
    terms = {"similarity": history["similarity/ncc"], "regularizer": history["regularizer/diffusion"]}
    expected = sum(np.take(weights[kind], level) * values for kind, values in terms.items())
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)
    assert set(level) == {0, 1}


def test_two_levels_with_one_grid_go_on_from_each_other(warped_2d):
    """An image so small that both scales have its own resolution: other terms, the same parameters."""
    fixed, moving = (warped_2d.image(name)[20:34, 20:32] for name in ("fixed", "moving"))
    pair = pairreg.Pair(name="small", fixed=fixed, moving=moving)
    settings = {"preprocessing": "minmax", "initialization": "none", "transform": "displacement"}
    schedule = CoarseToFine(scales=[2, 1], iterations=[30, 1], tolerance=0)
    assert level_factors((12, 14), (1.0, 1.0), 2) == (1, 1)
    found = pairreg.register(
        pair, similarity=pairreg.build("similarity/ncc", window=[5, 7]), schedule=schedule, **settings
    )
    alone = pairreg.register(
        pair,
        similarity=pairreg.build("similarity/ncc", window=5),
        schedule=CoarseToFine(scales=[1], iterations=[30], tolerance=0),
        **settings,
    )
    assert abs(alone.field).max() > 1
    # one more step of Adam moves a voxel by the learning rate
    np.testing.assert_allclose(found.field, alone.field, atol=0.11)


def test_a_run_goes_on_from_any_checkpoint_to_the_same_bits(warped, monkeypatch):
    monkeypatch.setattr(checkpoint, "_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "_COST", float("inf"))
    parts, kept = built(TOGETHER[0], lambda values: values), Kept()
    expected = registered(warped, parts, checkpoints=kept)
    assert {one.level for one in kept.all if one.paused} == {1, 2}
    for one in kept.all:
        found = registered(warped, parts, checkpoints=Kept(one))
        np.testing.assert_array_equal(found.field, expected.field)
        np.testing.assert_array_equal(found.history.rows, expected.history.rows)


def signature(**window: Any) -> str:
    return RunSpec(composed(["similarity=ncc"]) | {"similarity": {"ncc": ncc(**window)}}, {}).signature


def ncc(**settings: Any) -> dict[str, Any]:
    return option_files.option_node("similarity/ncc") | settings


def test_a_list_of_one_value_names_the_same_run_and_no_other_list_does():
    assert signature(window=[9, 9, 9, 9]) == signature(window=9) == signature() == signature(weight=[1, 1.0])
    different = [{"window": 9}, {"window": [5, 9]}, {"window": [9, 5]}, {"window": [9, 9], "weight": [1, 2]}]
    assert len({signature(**one) for one in different}) == len(different)


@pytest.mark.slow
def test_a_sweep_has_lists_among_its_values(pairreg: Command, tmp_path: Path) -> None:
    sweep = ["similarity=ncc", "similarity.ncc.window=[5,9],[9,9],9", "regularizer.diffusion.weight=[2,1]"]
    given = ("preset=smoke", "transform=displacement", "study=s", "tracking=none", "-m")
    done = pairreg(*given, *sweep, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    runs = [Run(path.parent) for path in (tmp_path / "runs/s").rglob("result.json")]
    windows = [run.config["similarity"]["ncc"]["window"] for run in runs]
    assert len(runs) == 2 and [5, 9] in windows, "nine at both levels is nine"
    page = (tmp_path / "runs/s/report/index.html").read_text()
    assert "[5, 9]" in page
    wrong = pairreg("preset=smoke", "regularizer.diffusion.weight=[2,1,1]", "dry_run=true", cwd=tmp_path)
    assert wrong.returncode == 2 and wrong.stdout == ""
    assert (
        "regularizer.diffusion.weight should have a value for each level of the schedule, 2; it has 3." in wrong.stderr
    )


def test_a_comparison_at_equal_regularity_scales_all_levels_alike():
    config = composed(["regularizer=[diffusion,jacobian]", "regularizer.diffusion.weight=[4,2,1,0]"])
    sweeper = MatchedSweeper(match={"sdlogj": 0.1})
    strengths = sweeper.strengths(RunSpec(config, {}))
    assert strengths == {"regularizer.diffusion.weight": [4, 2, 1, 0], "regularizer.jacobian.weight": [30.0]}
    match = _Match(("similarity=ncc",), strengths, None)  # type: ignore[arg-type]
    assert match.overrides(0.5) == [
        "similarity=ncc",
        "regularizer.diffusion.weight=[2,1,0.5,0]",
        "regularizer.jacobian.weight=15",
    ]
    assert composed(["regularizer=[diffusion,jacobian]", *match.overrides(0.5)[1:]])["regularizer"]["diffusion"][
        "weight"
    ] == [2, 1, 0.5, 0]
    nothing = composed(["regularizer=diffusion", "regularizer.diffusion.weight=[0,0,0,0]"])
    refused("which no factor changes", sweeper.strengths, RunSpec(nothing, {}))

"""One grammar for values that cannot be, from Python and from the command line."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import pairreg
import pairreg.validation
from pairreg.backend import tf
from pairreg.errors import InputError
from pairreg.regularizer.base import Regularizer
from pairreg.similarity.base import Similarity

REFUSED = [
    ("similarity/ncc", {"window": 4}, "window should be an odd number; it is 4."),
    ("similarity/ncc", {"window": 1}, "window should be at least 3; it is 1."),
    ("similarity/ncc", {"window": True}, "window should be a valid integer; it is True."),
    ("similarity/ncc", {"kernel": "round"}, "kernel should be 'box' or 'gaussian'; it is 'round'."),
    ("similarity/mse", {"weight": math.nan}, "weight should be a finite number; it is nan."),
    ("similarity/mse", {"weight": math.inf}, "weight should be a finite number; it is inf."),
    ("similarity/mse", {"weight": -1}, "weight should be at least 0; it is -1."),
    ("similarity/mse", {"weight": "1"}, "weight should be a valid number; it is '1'."),
    ("similarity/mi", {"sigma": 40.0}, "sigma should be at most bins, 32; it is 40.0."),
    ("regularizer/diffusion", {"stiffness": {"bone": -1.0}}, "stiffness should be at least 0; it is {'bone': -1.0}."),
    ("regularizer/elastic", {"mu": 0.0}, "mu or lam should be above 0; both are 0."),
    ("transform/unet", {"stride": 3}, "stride should be a power of 2 up to 8; it is 3."),
    ("transform/bspline", {"control_spacing": 0.0}, "control_spacing should be above 0; it is 0.0."),
    (
        "schedule/coarse_to_fine",
        {"scales": [1, 2, 3, 4]},
        "scales should fall from level to level; they are",
    ),
    ("schedule/coarse_to_fine", {"scales": 4}, "scales should be a valid list, such as [8,4,2,1]; it is 4."),
    ("schedule/coarse_to_fine", {"iterations": 9}, "iterations should be a valid list, such as [9]; it is 9."),
    ("preprocessing/minmax", {"range": 1}, "range should be a valid list, such as [0.0,1.0]; it is 1."),
    (
        "preprocessing/percentile",
        {"lower": 60.0, "upper": 50.0},
        "lower should be below upper; they are 60.0 and",
    ),
    (
        "preprocessing/minmax",
        {"range": [1.0, 0.0]},
        "range should be a lower and a higher number, such as",
    ),
    ("optimizer/adam", {"beta_1": 1.0}, "beta_1 should be below 1; it is 1.0."),
    ("optimizer/lbfgs", {"memory": 0}, "memory should be at least 1; it is 0."),
    ("compute/local", {"memory_gb": -1.0}, "memory_gb should be above 0; it is -1.0."),
    ("compute/slurm", {"minutes": 0}, "minutes should be at least 1; it is 0."),
    ("initialization/rigid", {"samples": 0}, "samples should be at least 1; it is 0."),
]


@pytest.mark.parametrize(("option", "settings", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_python_and_option_files_say_the_same(option, settings, message):
    with pytest.raises(InputError) as from_file:
        pairreg.build(option, **settings)
    target = pairreg.build(option)
    kind = type(target) if not option.startswith("optimizer/adam") else pairreg.optimizer.adam.adam
    with pytest.raises(InputError) as from_python:
        kind(**settings)
    assert str(from_python.value).startswith(message)
    assert message in str(from_file.value) and str(from_file.value).startswith(option.replace("/", "."))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"precision": "float8"},
            "precision should be 'float32', .* or 'mixed_float16'; it is 'float8'.",
        ),
        ({"seed": "zero"}, "seed should be a valid integer; it is 'zero'."),
        ({"seed": True}, "seed should be a valid integer; it is True."),
        ({"preset": "fsat"}, "preset 'fsat' is not one of .*; did you mean 'fast'?"),
    ],
    ids=str,
)
def test_register_refuses_what_the_command_refuses(warped_2d, given, message):
    with pytest.raises(InputError, match=message):
        pairreg.register(warped_2d.pair(), **given)


def test_the_nearest_name_may_have_the_letters_as_its_initials():
    with pytest.raises(InputError, match="key 'lr' is not one of .*; did you mean 'learning_rate'?"):
        pairreg.build("optimizer/sgd", lr=0.1)
    with pytest.raises(InputError, match=r"key 'xy' is not one of [^;]*\.$"):
        pairreg.build("optimizer/sgd", xy=0.1)


def test_a_target_that_cannot_be_called_is_refused():
    with pytest.raises(InputError, match="similarity.x: _target_ should be a class or a function; it is"):
        pairreg.option_files.instantiate({"_target_": "pairreg.errors.__name__"}, "similarity.x", ["pairreg.errors"])


def test_numbers_of_numpy_are_numbers():
    assert pairreg.build("similarity/ncc", window=np.int64(7), weight=np.float32(0.5)).window == 7


def test_numbers_of_numpy_become_those_of_python():
    """Keras, JSON and ITK refuse others."""
    options = ("similarity/ncc", {"window": np.int64(7), "weight": np.float32(0.5), "kernel": np.str_("box")})
    for found in (pairreg.build(options[0], **options[1]), type(pairreg.build(options[0]))(**options[1])):
        assert [type(getattr(found, key)) for key in options[1]] == [int, float, str]
    per_level = pairreg.build("transform/displacement", learning_rate=[np.float32(0.5), np.int64(1)])
    assert [type(part.learning_rate) for part in per_level.parts] == [float, int]
    function = pairreg.optimizer.adam.adam
    for found in (pairreg.build("optimizer/adam", beta_1=np.float32(0.5)), function(np.float32(0.25), np.float64(0.5))):
        assert {type(value) for value in found.config.values()} <= {float, type(None)}
    pair = pairreg.build(
        "pair/phantom_2d", size=[24, 20], spacing=np.float32(16), seed=np.int64(3), deformation=np.int8(4)
    )
    assert pair.fixed.GetSpacing() == (16.0, 16.0)


def test_a_run_takes_numbers_of_numpy(warped_2d):
    """A network, whose weights Keras draws, and methods of others."""
    quick = {"initialization": "none", "schedule": pairreg.build("schedule/single_level", iterations=np.int64(2))}
    optimizer = pairreg.build("optimizer/adam", learning_rate=np.float32(0.01))
    given, of_python = (
        pairreg.register(warped_2d.pair(), seed=seed, threads=threads, optimizer=optimizer, **quick)
        for seed, threads in ((np.int64(3), np.int32(4)), (3, 4))
    )
    np.testing.assert_array_equal(given.field, of_python.field)
    spline = pairreg.build("method/bspline_itk", bins=np.int64(16), shrink=[4], iterations=np.int16(2), sampled=0.5)
    drawn = pairreg.register(
        warped_2d.pair(), method=spline, initialization="affine", seed=np.int64(3), threads=np.int64(4)
    )
    assert np.isfinite(drawn.field).all()


@dataclass(frozen=True)
class Nested:
    values: tuple[float, ...] = (0.5,)


@dataclass(frozen=True, kw_only=True)
class Listed(Similarity):
    """A user's term with every kind of setting that cannot be hashed."""

    powers: list[float] = field(default_factory=lambda: [2.0])
    scale: dict[str, float] = field(default_factory=lambda: {"all": 1.0})
    table: Any = field(default_factory=lambda: np.ones(3))
    nested: Nested = Nested()

    def loss(self, fixed, warped, mask):
        del mask
        error = tf.abs(warped - fixed)
        powers = tf.add_n([tf.reduce_mean(error**power) for power in self.powers])
        return self.scale["all"] * self.nested.values[0] * float(self.table[0]) * powers


def test_a_users_term_may_have_lists_mappings_and_arrays(warped_2d):
    quick = {
        "transform": "displacement",
        "initialization": "none",
        "schedule": pairreg.build("schedule/single_level", iterations=3),
    }
    first, again, other = (
        pairreg.register(warped_2d.pair(), similarity={"mine": term}, **quick).history["similarity/mine"]
        for term in (Listed(), Listed(), Listed(powers=[1.0, 2.0], scale={"all": 3.0}))
    )
    np.testing.assert_array_equal(first, again)
    assert other[0] > 2 * first[0]


def test_a_regularizer_without_a_hook_is_refused_by_name():
    @dataclass(frozen=True, kw_only=True)
    class Misspelt(Regularizer):
        def penalise(self, field, spacing):
            return 0.0

    with pytest.raises(InputError, match=r"Misspelt should define penalty\(field, spacing\) or constrain"):
        Misspelt()


def test_an_object_of_another_kind_is_refused(warped_2d):
    for group, thing in (
        ("similarity", "regularizer/diffusion"),
        ("regularizer", "similarity/mse"),
        ("transform", "similarity/mse"),
    ):
        with pytest.raises(InputError, match=f"{group}.* should be a pairreg"):
            pairreg.register(warped_2d.pair(), **{group: pairreg.build(thing)})


def test_an_annotation_that_is_known_to_checkers_only_is_named():
    def scaled(factor: "Fraction"):  # noqa: F821, as if imported under TYPE_CHECKING
        return factor

    with pytest.raises(InputError, match=r"scaled: name 'Fraction' is not defined in an annotation; import it outside"):
        pairreg.validation.check_arguments(scaled, {"factor": 1}, "similarity.mine")


MODULE = """
from dataclasses import dataclass, field
from pairreg.backend import tf
from pairreg.regularizer.base import Regularizer
from pairreg.similarity.base import Similarity, masked_mean


@dataclass(frozen=True, kw_only=True)
class Mixed(Similarity):
    powers: list[float]
    names: dict[str, float] = field(default_factory=dict)

    def loss(self, fixed, warped, mask):
        return sum(masked_mean(tf.abs(warped - fixed) ** p, mask) for p in self.powers)


@dataclass(frozen=True, kw_only=True)
class Misspelt(Regularizer):
    def penalise(self, field, spacing):
        return 0.0
"""


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "my_terms.py").write_text(MODULE)
    for group, text in (
        ("similarity", "mixed:\n  _target_: my_terms.Mixed\n  weight: 1.0\n  powers: [1.0, 2.0]\n  names: {a: 1.0}\n"),
        ("regularizer", "misspelt:\n  _target_: my_terms.Misspelt\n"),
    ):
        (tmp_path / "conf" / group).mkdir(parents=True)
        (tmp_path / "conf" / group / f"{text.partition(':')[0]}.yaml").write_text(text)
    return tmp_path


MINE = ("--config-dir", "conf", "trusted_modules=[my_terms]", "preset=smoke", "transform=displacement", "tracking=none")


def test_lists_and_mappings_from_the_command_line(pairreg, mine):
    done = pairreg(*MINE, "similarity=mixed", "similarity.mixed.powers=[1.5]", cwd=mine, PYTHONPATH=".")
    assert done.returncode == 0, done.stderr
    done = pairreg(*MINE, "similarity=mixed", "similarity.mixed.powers=[many]", cwd=mine, PYTHONPATH=".")
    assert done.returncode == 2 and "similarity.mixed.powers should be a valid number" in done.stderr


def test_a_misspelt_hook_leaves_nothing(pairreg, mine):
    done = pairreg(*MINE, "regularizer=misspelt", cwd=mine, PYTHONPATH=".")
    assert done.returncode == 2 and not (mine / "runs").exists()
    assert done.stderr.startswith(
        "pairreg: regularizer.misspelt: my_terms.Misspelt should define penalty(field, spacing)"
    )

"""Parts share a compiled graph exactly if what is built into it is equal."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import pairreg
from pairreg.backend import tf
from pairreg.optimization.cache_key import cache_key, term_key
from pairreg.similarity.base import Similarity


@dataclass(frozen=True)
class Inner:
    values: list[int]


@dataclass
class Term:
    setting: Any = None
    note: str = field(default="", compare=False)


EQUAL = [
    ([1, [2, 3]], [1, [2, 3]]),
    ({"a": [1], "b": 2}, {"b": 2, "a": [1]}),
    ({1, 2}, {2, 1}),
    (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)),
    (Inner([1, 2]), Inner([1, 2])),
    (np.array([[1], [2, 3]], dtype=object), np.array([[1], [2, 3]], dtype=object)),
    ("text", "text"),
    (None, None),
]
DIFFERENT = [
    ([1, 2], [2, 1]),
    ({"a": 1}, {"a": 2}),
    (np.zeros((2, 3)), np.zeros((3, 2))),
    (np.zeros(2), np.zeros(2, np.float32)),
    (Inner([1]), Inner([2])),
    ([1], {1}),
    (1, True),
    (np.array([[1], [2, 3]], dtype=object), np.array([[1], [2, 4]], dtype=object)),
    (bytearray(b"a"), bytearray(b"b")),
]


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=str)
def test_equal_settings_have_equal_keys(one, other):
    assert hash(cache_key(Term(one))) == hash(cache_key(Term(other)))
    assert cache_key(Term(one)) == cache_key(Term(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=str)
def test_different_settings_have_different_keys(one, other):
    assert cache_key(Term(one)) != cache_key(Term(other))


def test_what_is_not_compared_does_not_count():
    assert cache_key(Term(note="a")) == cache_key(Term(note="b"))


def test_the_weight_of_a_term_and_its_stiffness_map_are_inputs_of_the_graph():
    settings = ({"weight": 1.0}, {"weight": 2.0, "stiffness": {"bone": 3.0}})
    one, other = (pairreg.build("regularizer/diffusion", **given) for given in settings)
    assert term_key(one) == term_key(other)
    assert cache_key(one) != cache_key(other)


@dataclass(frozen=True)
class Weighted:
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Scaled(Similarity):
    """Has settings of its own with the names of inputs of the graph."""

    inner: Weighted = Weighted()
    stiffness: float = 1.0

    def loss(self, fixed, warped, mask):
        return self.inner.weight * self.stiffness * tf.reduce_mean((warped - fixed) ** 2)


class Undecorated(Similarity):
    """Keeps a setting that is no field."""

    def __init__(self, factor: float):
        super().__init__()
        object.__setattr__(self, "factor", factor)

    def loss(self, fixed, warped, mask):
        return self.factor * tf.reduce_mean((warped - fixed) ** 2)


@pytest.mark.parametrize(
    ("one", "fivefold"),
    [
        (Scaled(), Scaled(inner=Weighted(5.0))),
        (Scaled(), Scaled(stiffness=5.0)),
        (Undecorated(1.0), Undecorated(5.0)),
    ],
    ids=["nested weight", "own stiffness", "no field"],
)
def test_a_run_does_not_get_the_graph_of_other_settings(warped_2d, one, fivefold):
    quick = {
        "transform": "displacement",
        "initialization": "none",
        "schedule": pairreg.build("schedule/single_level", iterations=1),
    }
    first, second = (
        pairreg.register(warped_2d.pair(), similarity={"mine": term}, **quick).history["similarity/mine"][0]
        for term in (one, fivefold)
    )
    assert second == pytest.approx(5 * first, rel=1e-5)


def test_types_count_and_objects_that_cannot_be_hashed_are_themselves():
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

    one, other = Unhashable(), Unhashable()
    assert cache_key(Term(one)) == cache_key(Term(one)) != cache_key(Term(other))
    assert cache_key(pairreg.build("similarity/mi")) != cache_key(pairreg.build("similarity/nmi"))

"""Parts share a compiled graph exactly if what is built into it is equal."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import pairreg
from pairreg.optimization.cache_key import cache_key


@dataclass(frozen=True)
class Inner:
    values: list[int]


@dataclass
class Term:
    setting: Any = None
    weight: float = 1.0
    note: str = field(default="", compare=False)


EQUAL = [
    ([1, [2, 3]], [1, [2, 3]]),
    ({"a": [1], "b": 2}, {"b": 2, "a": [1]}),
    ({1, 2}, {2, 1}),
    (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)),
    (Inner([1, 2]), Inner([1, 2])),
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
    (bytearray(b"a"), bytearray(b"b")),
]


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=str)
def test_equal_settings_have_equal_keys(one, other):
    assert hash(cache_key(Term(one))) == hash(cache_key(Term(other)))
    assert cache_key(Term(one)) == cache_key(Term(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=str)
def test_different_settings_have_different_keys(one, other):
    assert cache_key(Term(one)) != cache_key(Term(other))


def test_what_is_an_input_of_the_graph_or_not_compared_does_not_count():
    assert cache_key(Term(weight=1.0, note="a")) == cache_key(Term(weight=2.0, note="b"))
    settings = ({"weight": 1.0}, {"weight": 2.0, "stiffness": {"bone": 3.0}})
    terms = [pairreg.build("regularizer/diffusion", **one) for one in settings]
    assert cache_key(terms[0]) == cache_key(terms[1])


def test_types_count_and_objects_that_cannot_be_hashed_are_themselves():
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

    one, other = Unhashable(), Unhashable()
    assert cache_key(Term(one)) == cache_key(Term(one)) != cache_key(Term(other))
    assert cache_key(pairreg.build("similarity/mi")) != cache_key(pairreg.build("similarity/nmi"))

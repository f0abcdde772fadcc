"""Annotations in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Interval
from pydantic import Field

from pairreg.reference.words import words
from pairreg.validation import Count, NonNegative, OddWindow, Positive, Seed

WORDS = {
    "a bool is no number": (bool, "true or false"),
    "both ends": (NonNegative, "number, 0 to 1e9"),
    "open below": (Positive, "number, above 0, at most 1e9"),
    "one end": (Annotated[float, Field(ge=0.1)], "number, at least 0.1"),
    "open above": (Annotated[float, Field(ge=0, lt=1)], "number, at least 0, below 1"),
    "every digit of a bound": (Seed, "whole number, 0 to 2147483647"),
    "what a validator asks for": (OddWindow, "whole number, 3 to 999, odd"),
    "bounds without pydantic": (Annotated[int, Interval(ge=1, le=5)], "whole number, 1 to 5"),
    "words to choose from": (Literal["box", "gaussian"], "box or gaussian"),
    "three of them": (Literal["a", "b", 3], "a, b or 3"),
    "nothing, last": (None | Count, "whole number or null, 1 to 1e6"),
    "a path is given as text": (str | Path | None, "path or null"),
    "lists": (Sequence[Count], "[whole number, ...], 1 to 1e6"),
    "two kinds of lists are one": (list[Positive] | tuple[Positive, ...], "[number, ...], above 0, at most 1e9"),
    "one or several": (Positive | Sequence[Positive], "number or [number, ...], above 0, at most 1e9"),
    "mappings": (Mapping[str | int, NonNegative], "{text or whole number: number}, 0 to 1e9"),
    "without what is inside": (dict, "dict"),
    "bare generics": (Mapping, "Mapping"),
    "a class of somebody's": (Interval, "Interval"),
    "anything": (Any, "anything"),
}


@pytest.mark.parametrize(("hint", "text"), WORDS.values(), ids=WORDS)
def test_an_annotation_in_words(hint, text):
    assert str(words(hint)) == text
